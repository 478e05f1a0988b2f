"""Pages coming in: Firecrawl's events, and single pages."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from pulse_cli.records import change_events
from pulse_cli.records.database import RecordsUnavailable
from pulse_cli.serve import answer_models, auth, examples
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.bodies import EventBody, IndexRequest
from pulse_cli.serve.description import answered, asked
from pulse_cli.serve.firecrawl_events import NotAnEvent, answer_to, read_event
from pulse_cli.serve.inbox import BacklogFull, InboxUnwritable
from pulse_cli.serve.index_now import index_now
from pulse_cli.serve.routes.guard import RETRY_AFTER_S, needs_secret, parsed, refusing, service_of
from pulse_cli.serve.service import Service

router = APIRouter(tags=["indexing"])
_ONE_PAGE = asked(IndexRequest)
_NO_ROOM = (503, 507)
READ_AT_ONCE = 64 << 10  # bytes of an event; reading them takes less than going to a thread


@router.post(
    "/api/webhook/firecrawl",
    status_code=202,
    responses={
        **answered(
            answer_models.EventTaken,
            examples.EVENT_TAKEN,
            status=202,
            refused=(400, 401, *_NO_ROOM),
        ),
        **answered(answer_models.EventAcknowledged, examples.EVENT_ACKNOWLEDGED),
    },
    openapi_extra=asked(EventBody),
)
async def firecrawl(request: Request) -> Response:
    """Take an event of Firecrawl (signed by `X-Firecrawl-Signature`).

    Answered 202 when its pages are on disk. Pages that cannot be read are named in
    `failed_documents`; the others are taken.
    """
    service = service_of(request)
    body = await request.body()
    refusing(lambda: auth.check_firecrawl(request.headers, body, service.webhook_secret))
    try:
        if len(body) <= READ_AT_ONCE:
            event = read_event(body, service.shapes)
        else:
            event = await asyncio.to_thread(read_event, body, service.shapes)
    except NotAnEvent as error:
        raise HTTPException(400, str(error)) from None
    lines = event.lines if event.success else event.lines[event.pages :]
    job_ids = await _accept(service, list(lines))
    status, answer = answer_to(event, job_ids[: event.pages] if event.success else [])
    return json_answer(answer, status)


@router.post(
    "/api/index",
    status_code=202,
    dependencies=[Depends(needs_secret)],
    responses=answered(
        answer_models.PageTaken, examples.PAGE_TAKEN, status=202, refused=(400, 422, *_NO_ROOM)
    ),
    openapi_extra=_ONE_PAGE,
)
async def index(request: Request) -> Response:
    """Queue one page. `{url, markdown, title}` is enough."""
    service = service_of(request)
    page = parsed(IndexRequest, await request.body()).as_page()
    (job_id,) = await _accept(service, [orjson.dumps(page)])
    message = "the page is stored and will be indexed"
    return json_answer({"job_id": job_id, "status": "queued", "message": message}, 202)


@router.post(
    "/api/test-index",
    dependencies=[Depends(needs_secret)],
    responses=answered(answer_models.Tested, examples.TESTED, refused=(400, 422, 503)),
    openapi_extra=_ONE_PAGE,
)
async def test_index(request: Request) -> Response:
    """Index one page now; the answer tells each step and its time."""
    service = service_of(request)
    asked: IndexRequest = parsed(IndexRequest, await request.body())
    try:
        return json_answer(
            await index_now(
                service.indexer,
                service.inbox.folder / "now",
                asked.url,
                orjson.dumps(asked.as_page()),
                service.settings.qdrant.collection,
            )
        )
    except TimeoutError:
        raise HTTPException(503, "the index is busy", {"Retry-After": RETRY_AFTER_S}) from None


@router.get(
    "/api/jobs/{job_id}",
    dependencies=[Depends(needs_secret)],
    responses=answered(answer_models.JobState, examples.JOB, refused=(404,)),
)
async def job(request: Request, job_id: str) -> Response:
    """The state of one page or change event: queued, started, finished or failed; its result."""
    service = service_of(request)
    state = await asyncio.to_thread(service.jobs.state, job_id)
    if state is None:
        with suppress(RecordsUnavailable):
            state = await change_events.job(service.records, job_id)
    if state is None:
        raise HTTPException(404, "there is no such job, or its result is too old")
    return json_answer(state)


async def _accept(service: Service, lines: list[bytes]) -> list[str]:
    """Store pages; their jobs. Refusals become 503 and 507, which senders repeat."""
    if not lines:
        return []
    try:
        return await service.inbox.append(lines)
    except BacklogFull as error:
        raise HTTPException(503, str(error), {"Retry-After": RETRY_AFTER_S}) from None
    except InboxUnwritable as error:
        status = 507 if error.full else 503
        raise HTTPException(status, str(error), {"Retry-After": RETRY_AFTER_S}) from None
