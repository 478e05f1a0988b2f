"""Orders the best pages by a model that reads query and passage together (a reranker).

The address decides between two interfaces: TEI's `/rerank` (`{"query", "texts"}` answered by a list
of `{"index", "score"}`), and that of Cohere and Jina, `/v1/rerank` or `/v2/rerank` (`{"model",
"query", "documents"}` answered by `{"results": [{"index", "relevance_score"}]}`). If the reranker
fails, the search still gives its results, with a notice.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from pulse_cli.errors import Fatal, Transient
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.client import Client
from pulse_cli.payload import TEXT, TITLE
from pulse_cli.search.duplicates import Group
from pulse_cli.search.fusion import Vote

RERANKED = 50  # pages; a page further down seldom moves to the top
TEI_BATCH = 25  # texts; TEI takes 32 unless told otherwise
TIMEOUT = 10.0  # seconds; longer than people wait for a search
LONGEST = 8_000  # characters of a passage; models read less
NAME = "rerank"
PEER = Peer("the reranker", "search.rerank", "search.rerank_api_key")
_VERSIONED = re.compile(r"/v[12]/rerank$")


class Reranker:
    """One service. Make it inside a running event loop, and close it."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout: float = TIMEOUT,
        trust_env: bool = False,
    ) -> None:
        """Raises Fatal for an invalid address."""
        address = Address.parse(url, PEER, api_key)
        self._versioned = _VERSIONED.search(address.base) is not None
        self._path = "" if address.base.endswith("/rerank") else "/rerank"
        self._model = model
        self._client = Client(address, timeout=timeout, trust_env=trust_env)

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers, in their order; higher is better. Raises Transient, Fatal."""
        if self._versioned:
            body: dict[str, Any] = {"query": query, "documents": texts, "top_n": len(texts)}
            if self._model is not None:
                body["model"] = self._model
            return await self._ask(body, len(texts))
        parts = [texts[at : at + TEI_BATCH] for at in range(0, len(texts), TEI_BATCH)]
        asked = [
            self._ask({"query": query, "texts": part, "truncate": True}, len(part))
            for part in parts
        ]
        return [score for part in await asyncio.gather(*asked) for score in part]

    async def _ask(self, body: dict[str, Any], count: int) -> list[float]:
        answer = await self._client.post(self._path, orjson.dumps(body))
        if answer.status != 200:
            raise Transient(f"{answer.sender.shown} answered {answer.status}: {answer.described()}")
        value: Any = answer.json()
        items: Any = value.get("results") if isinstance(value, dict) else value
        try:
            found = {
                item["index"]: float(item["score"] if "score" in item else item["relevance_score"])
                for item in items
            }
            scores = [found[at] for at in range(count)]
        except (KeyError, TypeError, ValueError):
            raise answer.malformed(f"the scores of {count} texts") from None
        if not all(map(math.isfinite, scores)):
            raise answer.malformed("finite scores")
        return scores

    async def close(self) -> None:
        await self._client.close()


async def reranked(
    query: str, groups: Sequence[Group], reranker: Reranker
) -> tuple[list[Group], tuple[str, ...]]:
    """The first `RERANKED` groups in the model's order, then the others; and notices."""
    first, rest = groups[:RERANKED], groups[RERANKED:]
    if not first:
        return [], ()
    try:
        scores = await reranker.scores(query, [_passage(group) for group in first])
    except (Transient, Fatal) as error:
        return [*groups], (f"not reranked: {error}",)
    voted = [
        Group(
            replace(group.best, votes={**group.best.votes, NAME: Vote(place, score, score)}),
            group.others,
        )
        for place, (group, score) in enumerate(zip(first, scores, strict=True), start=1)
    ]
    voted.sort(key=lambda group: -group.best.votes[NAME].score)
    return [*voted, *rest], ()


def _passage(group: Group) -> str:
    payload = group.best.chunks[0].payload
    return f"{payload.get(TITLE) or ''}\n{payload.get(TEXT) or ''}".strip()[:LONGEST]
