"""Metrics out of the records: operations, requests, totals and single crawls."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from pulse_cli.records import queries
from pulse_cli.records.database import RecordsUnavailable
from pulse_cli.serve import examples, metrics_models
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.description import answered
from pulse_cli.serve.routes.guard import needs_secret, service_of

router = APIRouter(prefix="/api/metrics", tags=["metrics"], dependencies=[Depends(needs_secret)])
Hours = Annotated[int, Query(ge=1, le=168, description="how far back to look")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]


@router.get(
    "/operations",
    responses=answered(metrics_models.Operations, examples.OPERATIONS, refused=(503,)),
)
async def operations(
    request: Request,
    hours: Hours = 24,
    operation_type: str | None = None,
    operation_name: str | None = None,
    document_url: str | None = None,
    success: bool | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """Operations, newest first, with totals for each type."""
    where = queries.OperationFilter(hours, operation_type, operation_name, document_url, success)
    records = service_of(request).records
    return await _answer(queries.operations(records, where, limit=limit, offset=offset))


@router.get(
    "/requests",
    responses=answered(metrics_models.Requests, examples.REQUESTS, refused=(503,)),
)
async def requests(
    request: Request,
    hours: Hours = 24,
    path: str | None = None,
    method: str | None = None,
    min_duration_ms: float | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """Requests, newest first, with their totals."""
    return await _answer(
        queries.requests(
            service_of(request).records,
            hours=hours,
            path=path,
            method=method,
            min_duration_ms=min_duration_ms,
            limit=limit,
            offset=offset,
        )
    )


@router.get(
    "/summary",
    responses=answered(metrics_models.MetricsSummary, examples.SUMMARY, refused=(503,)),
)
async def summary(request: Request, hours: Hours = 24) -> Response:
    """Totals of requests, and of operations for each type."""
    return await _answer(queries.summary(service_of(request).records, hours=hours))


@router.get(
    "/crawls/{crawl_id}",
    responses=answered(metrics_models.CrawlSession, examples.CRAWL, refused=(404, 503)),
)
async def crawl(request: Request, crawl_id: str) -> Response:
    """One crawl: pages indexed and failed, time by stage, and from end to end."""
    return await _answer(queries.crawl(service_of(request).records, crawl_id))


async def _answer(found: Awaitable[dict[str, Any] | None]) -> Response:
    try:
        answer = await found
    except RecordsUnavailable as error:
        raise HTTPException(503, str(error)) from None
    if answer is None:
        raise HTTPException(404, "nothing is recorded of that")
    return json_answer(answer)
