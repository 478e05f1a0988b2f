"""A reranker puts the best pages in order; without an answer the order of fusion stays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pulse_cli.errors import Fatal, Transient
from pulse_cli.model import Hit
from pulse_cli.search.duplicates import Group
from pulse_cli.search.fusion import Page, Vote
from pulse_cli.search.rerank import RERANKED, Reranker, reranked
from pulse_cli.search.results import result_of
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.rerank import RerankService


@pytest.fixture
async def server() -> AsyncIterator[Simulator]:
    async with serving(RerankService(api_key="s3cret")) as simulator:
        yield simulator


def group(number: int, text: str) -> Group:
    hit = Hit(str(number), 0.5, {"url": f"https://a.example/{number}", "title": "", "text": text})
    return Group(Page(hit.payload["url"], 0.5, (hit,), {"vector": Vote(number + 1, 0.5, 0.3)}))


GROUPS = [group(n, "tea") for n in range(RERANKED - 1)] + [group(98, "red lentil soup")]


@pytest.mark.parametrize("path", ["", "/rerank", "/v1/rerank", "/v2/rerank"])
async def test_the_best_answer_comes_first_in_every_interface(server: Simulator, path: str) -> None:
    reranker = Reranker(server.url + path, api_key="s3cret", model="big")
    further = group(99, "lentil soup, red, and never seen by the model")
    found, notices = await reranked("red lentil soup", [*GROUPS, further], reranker)
    await reranker.close()
    assert notices == ()
    assert [found[0].best.key, found[-1].best.key] == [
        "https://a.example/98",
        "https://a.example/99",
    ]
    assert len(found) == len(GROUPS) + 1
    result = result_of(found[0], "hybrid")
    assert (result.score, result.share) == (1.0, 1.0)
    assert result.votes["rerank"].rank == RERANKED
    assert set(result.votes) == {"vector", "rerank"}
    service = server.service
    assert isinstance(service, RerankService)
    for _, body in service.requests:
        assert body.get("model") == ("big" if "/v" in path else None)


async def test_equal_scores_keep_the_order_of_fusion(server: Simulator) -> None:
    reranker = Reranker(server.url, api_key="s3cret")
    found, _ = await reranked("zebra", GROUPS, reranker)
    await reranker.close()
    assert [one.best.key for one in found] == [one.best.key for one in GROUPS]


async def test_what_is_down_or_lies_costs_a_notice_not_the_search(server: Simulator) -> None:
    refused = Reranker(server.url, api_key="wrong")
    gone = Reranker("http://127.0.0.1:9", timeout=1)
    for reranker, says in ((refused, "answered 401"), (gone, "127.0.0.1:9")):
        found, notices = await reranked("soup", GROUPS, reranker)
        await reranker.close()
        assert found == GROUPS
        assert len(notices) == 1
        assert notices[0].startswith("not reranked: ")
        assert says in notices[0]
        assert "s3cret" not in notices[0]


async def test_answers_of_another_form_are_refused() -> None:
    class Lies(RerankService):
        answer = b"null"

        async def handle(self, request: object) -> object:  # type: ignore[override]
            from pulse_cli.simulators.http import Response

            return Response(body=self.answer)

    lies = Lies()
    async with serving(lies) as simulator:  # type: ignore[arg-type]
        reranker = Reranker(simulator.url)
        for answer in (
            b"null",
            b"[]",
            b"{}",
            b'[{"index":0}]',
            b'[{"index":0,"score":NaN}]',
            b"<p>",
        ):
            lies.answer = answer
            with pytest.raises((Transient, Fatal)):
                await reranker.scores("soup", ["tea"])
        await reranker.close()


async def test_nothing_found_asks_nobody(server: Simulator) -> None:
    reranker = Reranker(server.url)
    assert await reranked("soup", [], reranker) == ([], ())
    await reranker.close()
    assert server.service.stats() == {"requests": 0}
