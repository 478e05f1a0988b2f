"""The simulated Firecrawl answers as the real one is documented to, and repeats its webhooks."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from pulse_cli.model import Document, Position
from pulse_cli.read import ReadOptions, open_source
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.firecrawl import WEBHOOK_SECRET, FirecrawlService
from pulse_cli.simulators.http import Request, Response, Simulator, serving
from pulse_cli.simulators.process import SpawnedSimulator


class Receiver:
    """Takes webhooks: the events that came, in order, whatever it answered."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.status = 200

    async def handle(self, request: Request) -> Response:
        made = hmac.new(WEBHOOK_SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.headers["x-firecrawl-signature"] == f"sha256={made}"
        self.events.append(orjson.loads(request.body))
        return Response(self.status)

    def spoil(self, fault: Fault, response: Response) -> Response:
        raise NotImplementedError

    def stats(self) -> dict[str, Any]:
        return {}

    def reset(self) -> None:
        pass


@pytest.fixture
async def firecrawl() -> AsyncIterator[Simulator]:
    service = FirecrawlService()
    async with serving(service) as simulator:
        yield simulator
    await service.close()


@pytest.fixture
async def client(firecrawl: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=firecrawl.url, trust_env=False) as made:
        yield made


async def test_a_page_is_scraped_in_the_form_of_each_version(client: httpx.AsyncClient) -> None:
    asked = {"url": "https://a.example/x", "formats": ["markdown", "html"]}
    for version in ("v1", "v2"):
        found = (await client.post(f"/{version}/scrape", json=asked)).json()
        assert found["success"]
        assert set(found["data"]) == {"markdown", "html", "metadata"}
        assert found["data"]["metadata"]["url"] == "https://a.example/x"
    old = (await client.post("/v0/scrape", json=asked)).json()
    assert set(old["data"]) == {"content", "markdown", "linksOnPage", "metadata"}
    assert old["data"]["metadata"]["pageStatusCode"] == 200
    await client.put("/_site", json=[{"url": "https://a.example/x", "error": "it timed out"}])
    failed = await client.post("/v2/scrape", json=asked)
    assert (failed.status_code, failed.json()["success"]) == (500, False)


async def test_a_crawl_is_followed_by_next_to_its_end(client: httpx.AsyncClient) -> None:
    asked = {"url": "https://a.example", "limit": 250}
    crawl = (await client.post("/v2/crawl", json=asked)).json()["id"]
    seen = 0
    where: str | None = f"/v2/crawl/{crawl}"
    while where:
        page = (await client.get(where)).json()
        seen += len(page["data"])
        where = page.get("next")
    assert (seen, page["status"], page["total"]) == (250, "completed", 250)
    assert (await client.get("/v2/crawl/unknown")).status_code == 404


async def test_pulse_reads_such_a_crawl(client: httpx.AsyncClient, firecrawl: Simulator) -> None:
    import asyncio

    started = await client.post("/_crawl", json={"url": "https://a.example", "limit": 120})
    options = ReadOptions(firecrawl_url=firecrawl.url)
    source = open_source([f"firecrawl:crawl/{started.json()['id']}"], options)
    records = await asyncio.to_thread(lambda: list(source.records(Position())))
    assert sum(isinstance(one.content, Document) for one in records) == 120


@pytest.mark.parametrize(("version", "name"), [("v0", "jobId"), ("v1", "id"), ("v2", "id")])
async def test_events_tell_a_crawl(client: httpx.AsyncClient, version: str, name: str) -> None:
    receiver = Receiver()
    bad = {"url": "https://a.example/bad", "error": "refused"}
    good = {"markdown": "Good.", "metadata": {"url": "https://a.example/good"}}
    await client.put("/_site", json=[good, bad])
    async with serving(receiver) as hook:
        asked = {"url": "https://a.example", "webhook": {"url": hook.url, "metadata": {"k": "v"}}}
        crawl = (await client.post("/_crawl", json={**asked, "version": version})).json()["id"]
    kinds = [event["type"] for event in receiver.events]
    assert kinds == ["crawl.started", "crawl.page", "crawl.page", "crawl.completed"]
    assert [event["success"] for event in receiver.events] == [True, True, False, True]
    assert {event[name] for event in receiver.events} == {crawl}
    assert receiver.events[1]["data"][0]["markdown"] == "Good."
    assert receiver.events[1]["metadata"] == {"k": "v"}


async def test_an_event_is_repeated_after_1_5_and_15_minutes_then_dropped(
    client: httpx.AsyncClient,
) -> None:
    receiver = Receiver()
    receiver.status = 503
    async with serving(receiver) as hook:
        webhook = {"url": hook.url, "events": ["completed"]}
        await client.post("/_crawl", json={"url": "https://a.example", "webhook": webhook})
        counts = []
        for seconds in (59, 1, 299, 1, 899, 1, 86_400):
            await client.post("/_clock", json={"advance": seconds})
            counts.append(len(receiver.events))
        assert counts == [1, 2, 2, 3, 3, 4, 4]
        stats = (await client.get("/_sim/stats")).json()
        assert (stats["dropped"], stats["waiting"], stats["delivered"]) == (1, 0, 0)
        await client.post("/_crawl", json={"url": "https://a.example", "webhook": webhook})
        receiver.status = 200
        await client.post("/_clock", json={"advance": 60})
        stats = (await client.get("/_sim/stats")).json()
        assert (stats["delivered"], stats["waiting"]) == (1, 0)


async def test_a_wrong_key_is_refused() -> None:
    service = FirecrawlService(api_key="k")
    async with serving(service) as simulator, httpx.AsyncClient(trust_env=False) as client:
        url = f"{simulator.url}/v2/scrape"
        assert (await client.post(url, json={"url": "https://a.example"})).status_code == 401
        headers = {"authorization": "Bearer k"}
        asked = {"url": "https://a.example"}
        assert (await client.post(url, json=asked, headers=headers)).status_code == 200


def test_it_runs_in_a_process_of_its_own() -> None:
    with SpawnedSimulator("firecrawl") as firecrawl:
        asked = {"url": "https://a.example/"}
        answer = httpx.post(f"{firecrawl.url}/v2/scrape", json=asked, trust_env=False)
        assert answer.status_code == 200
        assert firecrawl.stats()["scraped"] == ["https://a.example/"]
