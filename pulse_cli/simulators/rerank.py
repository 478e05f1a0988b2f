"""A simulated reranker: TEI's `/rerank`, and the `/v1/rerank` and `/v2/rerank` of Jina and Cohere.

A text's score is the share of the query's words that it holds. Like the real ones it answers in
order of the scores, and TEI refuses a batch over its limit.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Request, Response

MAX_BATCH = 32
_WORD = re.compile(r"\w+")


class RerankService:
    """`requests` are the bodies received, with their paths."""

    def __init__(self, api_key: str | None = None) -> None:
        self._api_key = api_key
        self.reset()

    def reset(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def stats(self) -> dict[str, Any]:
        return {"requests": len(self.requests)}

    def spoil(self, fault: Fault, response: Response) -> Response:
        del response
        raise ValueError(f"no fault of a reranker: {fault.kind}")

    async def handle(self, request: Request) -> Response:
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            return Response(401, b"", {})
        if request.method != "POST" or request.path not in ("/rerank", "/v1/rerank", "/v2/rerank"):
            return Response(404, b"", {})
        body = orjson.loads(request.body)
        self.requests.append((request.path, body))
        tei = request.path == "/rerank"
        texts = body.get("texts" if tei else "documents")
        if not isinstance(texts, list) or not isinstance(body.get("query"), str):
            return Response(
                422, orjson.dumps({"error": "missing field", "error_type": "Validation"})
            )
        if tei and len(texts) > MAX_BATCH:
            text = f"batch size {len(texts)} > maximum allowed batch size {MAX_BATCH}"
            return Response(422, orjson.dumps({"error": text, "error_type": "Validation"}))
        wanted = set(_WORD.findall(body["query"].lower()))
        scores = [
            len(wanted & set(_WORD.findall(text.lower()))) / max(1, len(wanted)) for text in texts
        ]
        ordered = sorted(range(len(texts)), key=lambda at: -scores[at])
        name = "score" if tei else "relevance_score"
        items = [{"index": at, name: scores[at]} for at in ordered]
        return Response(body=orjson.dumps(items if tei else {"results": items}))
