"""Crawls started at a simulated Firecrawl, over TCP: each is started once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pulse_cli.errors import Fatal, Transient
from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.start_api import StartApi
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.firecrawl import FirecrawlService
from pulse_cli.simulators.http import Simulator, serving

REQUEST = {"url": "https://a.example", "limit": 3, "scrapeOptions": {"formats": ["markdown"]}}


@pytest.fixture
def service() -> FirecrawlService:
    service = FirecrawlService(api_key="k")
    service.pace = 0
    return service


@pytest.fixture
async def simulator(service: FirecrawlService) -> AsyncIterator[Simulator]:
    async with serving(service) as simulator:
        yield simulator


async def ask(simulator: Simulator, call: str, *args: Any, key: str = "k", **more: Any) -> Any:
    options = ReadOptions(firecrawl_url=simulator.url, firecrawl_api_key=key)
    return await getattr(StartApi(options), call)(*args, **more)


async def test_a_crawl_is_started_and_known(simulator, service):
    crawl = await ask(simulator, "start", REQUEST)
    assert {"url": REQUEST["url"], **service.crawls[crawl].options} == REQUEST
    assert await ask(simulator, "keeps", crawl)
    assert not await ask(simulator, "keeps", "of-yesterday")


async def test_who_does_not_know_whether_it_was_started_finds_it_under_way(simulator, service):
    crawl = await ask(simulator, "start", REQUEST)
    assert await ask(simulator, "start", REQUEST, may_run=True) == crawl
    assert len(service.crawls) == 1
    for other in ({**REQUEST, "limit": 4}, {**REQUEST, "url": "https://b.example"}):
        assert await ask(simulator, "start", other, may_run=True) != crawl
    assert await ask(simulator, "start", REQUEST) != crawl


async def test_an_order_whose_answer_was_lost_starts_no_second_crawl(simulator, service):
    simulator.faults.set([Fault("reset", method="POST", count=1, when="after")])
    api = StartApi(ReadOptions(firecrawl_url=simulator.url, firecrawl_api_key="k"))
    with pytest.raises(Transient):
        await api.start(REQUEST)
    assert await api.start(REQUEST) == next(iter(service.crawls))
    assert len(service.crawls) == 1


async def test_what_firecrawl_refuses_says_why(simulator):
    with pytest.raises(Fatal, match="url must be a valid URL"):
        await ask(simulator, "start", {"url": "nowhere"})
    with pytest.raises(Fatal) as caught:
        await ask(simulator, "start", REQUEST, key="wrong")
    assert "firecrawl.api_key" in caught.value.hint
    assert "wrong" not in str(caught.value)
