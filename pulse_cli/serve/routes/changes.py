"""Addresses that changed, as changedetection.io tells them."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from pulse_cli.read.firecrawl import address
from pulse_cli.records import change_events
from pulse_cli.records.change_events import ChangeEvent
from pulse_cli.records.database import RecordsUnavailable
from pulse_cli.serve import answer_models, auth, examples
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.bodies import ChangeRequest
from pulse_cli.serve.description import answered, asked
from pulse_cli.serve.routes.guard import RETRY_AFTER_S, parsed, refusing, service_of

router = APIRouter(tags=["indexing"])


@router.post(
    "/api/webhook/changedetection",
    status_code=202,
    responses=answered(
        answer_models.ChangeTaken, examples.CHANGE_TAKEN, status=202, refused=(400, 401, 503)
    ),
    openapi_extra=asked(ChangeRequest),
)
async def changedetection(request: Request) -> Response:
    """Take a change event: its address is scraped again through Firecrawl, then indexed.

    Signed by `X-Signature` (HMAC-SHA256 of the body), or with the bearer secret of the API.
    """
    service = service_of(request)
    body = await request.body()
    secrets = (service.webhook_secret, service.api_secret)
    refusing(lambda: auth.check_changedetection(request.headers, body, *secrets))
    asked: ChangeRequest = parsed(ChangeRequest, body, invalid=400)
    url = address.cleaned(asked.watch_url)
    if (problem := address.problem(url)) is not None:
        raise HTTPException(400, problem)
    job_id = str(uuid.uuid4())
    event = ChangeEvent(
        watch_id=asked.watch_id,
        watch_url=url,
        detected_at=asked.detected_at,
        snapshot=asked.snapshot,
        diff_url=asked.diff_url,
        extra={"watch_title": asked.watch_title} if asked.watch_title else None,
    )
    try:
        number = await change_events.add(service.records, event, job_id)
    except RecordsUnavailable as error:
        raise HTTPException(503, str(error), {"Retry-After": RETRY_AFTER_S}) from None
    service.rescraper.wake()
    answer = {"status": "queued", "job_id": job_id, "change_event_id": number, "url": url}
    return json_answer(answer, 202)
