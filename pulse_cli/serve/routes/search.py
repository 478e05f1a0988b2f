"""Searching, and what there is to search."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from pulse_cli.errors import Fatal, PulseError
from pulse_cli.model import Filter
from pulse_cli.search.results import Mode
from pulse_cli.serve import answer_models, examples
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.bodies import SearchRequest
from pulse_cli.serve.description import answered, asked
from pulse_cli.serve.routes.guard import needs_secret, parsed, service_of
from pulse_cli.serve.service import Service
from pulse_cli.store.pages import pages_by_domain

router = APIRouter(tags=["search"], dependencies=[Depends(needs_secret)])
MODES: dict[str, Mode] = {
    "hybrid": "hybrid",
    "semantic": "vector",
    "vector": "vector",
    "keyword": "bm25",
    "bm25": "bm25",
}


@router.post(
    "/api/search",
    responses=answered(answer_models.Findings, examples.FOUND, refused=(400, 422, 503)),
    openapi_extra=asked(SearchRequest),
)
async def search(request: Request) -> Response:
    """The best pages for a query, each once, with the passage that answers best."""
    asked: SearchRequest = parsed(SearchRequest, await request.body())
    named = asked.filters.model_dump(exclude_none=True) if asked.filters else {}
    equals = {("isMobile" if name == "is_mobile" else name): value for name, value in named.items()}
    try:
        found = await service_of(request).search(
            asked.query, MODES[asked.mode], asked.limit + asked.offset, Filter(equals)
        )
    except PulseError as error:
        hint = f" ({error.hint})" if isinstance(error, Fatal) and error.hint else ""
        raise HTTPException(503, f"{error}{hint}") from None
    results = [
        {
            "id": one.id,
            "url": one.url,
            "title": one.title,
            "description": one.description,
            "text": one.text,
            "score": one.share,
            "metadata": {**one.metadata, "chunk_index": one.chunk_index},
        }
        for one in found.results[asked.offset :]
    ]
    return json_answer(
        {"results": results, "total": found.total, "query": asked.query, "mode": asked.mode}
    )


@router.get("/api/stats", responses=answered(answer_models.Stats, examples.STATS))
async def stats(request: Request) -> Response:
    """How much is indexed."""
    service = service_of(request)
    pages, points = await _counted(service)
    return json_answer(
        {
            "total_documents": sum(pages.values()),
            "total_chunks": points,
            "qdrant_points": points,
            "bm25_documents": sum(pages.values()),
            "collection_name": service.settings.qdrant.collection,
        }
    )


@router.get("/api/status", responses=answered(answer_models.ServiceStatus, examples.STATUS))
async def status(request: Request) -> Response:
    """What the page shows: the index, the queue, the last runs and failures."""
    service = service_of(request)
    pages, points = await _counted(service)
    last = service.observations.last_indexed_at
    sites = sorted(pages.items(), key=lambda one: (-one[1], one[0]))[:20]
    return json_answer(
        {
            "index": {
                "pages": sum(pages.values()),
                "chunks": points,
                "collection": service.settings.qdrant.collection,
                "last_indexed_at": last and last.isoformat(),
                "domains": [{"domain": domain, "pages": count} for domain, count in sites],
            },
            "queue": {
                "state": service.indexer.state,
                "segments": len(service.inbox.sealed),
                "bytes": service.inbox.backlog_bytes,
            },
            "runs": list(service.observations.runs),
            "failures": [
                {"url": one.url, "error": one.error, "at": one.at.isoformat()}
                for one in service.observations.failures
            ],
        }
    )


async def _counted(service: Service) -> tuple[dict[str, int], int]:
    """Pages by domain, and points; the store counts. A page counts by its commit record."""
    store = await service.services.store(0)
    return await pages_by_domain(store), await store.count()
