"""Whether the service is well, its figures for Prometheus, and its page. All without a secret."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from pulse_cli.serve import answer_models, examples
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.description import answered
from pulse_cli.serve.routes.guard import service_of

router = APIRouter(tags=["state"])
PAGE = Path(__file__).resolve().parent.parent / "page"
_KINDS = {
    "index.html": "text/html",
    "docs.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "docs.js": "text/javascript",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.get(
    "/health",
    responses={
        **answered(answer_models.HealthReport, examples.HEALTH),
        503: {"description": "nothing can be done", "model": answer_models.HealthReport},
    },
)
async def health(request: Request) -> Response:
    """Each service asked, at most every five seconds. 503 where nothing can be done."""
    report = await service_of(request).health.report()
    return json_answer(report, 503 if report["status"] == "unhealthy" else 200)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": examples.METRICS}}}},
)
async def metrics(request: Request) -> Response:
    """Figures of this process in the text format of Prometheus (0.0.4)."""
    service = service_of(request)
    lines = [
        "# HELP pulse_documents_total Documents since the start, by outcome.",
        "# TYPE pulse_documents_total counter",
        *(
            f'pulse_documents_total{{outcome="{outcome}"}} {count}'
            for outcome, count in service.observations.documents.items()
        ),
        "# HELP pulse_backlog_bytes Accepted pages that wait to be indexed.",
        "# TYPE pulse_backlog_bytes gauge",
        f"pulse_backlog_bytes {service.inbox.backlog_bytes}",
        "# HELP pulse_records_dropped_total Rows of records that found no room.",
        "# TYPE pulse_records_dropped_total counter",
        f"pulse_records_dropped_total {service.recorder.dropped}",
    ]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """The page, told whether a secret is needed, so that it need not try without one."""
    answer = _file("index.html")
    if service_of(request).api_secret is None:
        body = bytes(answer.body).replace(b' data-secret="needed"', b"", 1)
        answer = Response(body, media_type="text/html", headers=_HEADERS)
    return answer


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    """The API, described. The usual pages for it load their scripts from elsewhere."""
    return _file("docs.html")


@router.get("/page/{name}", include_in_schema=False)
async def page_file(name: str) -> Response:
    return _file(name)


def _file(name: str) -> Response:
    if name not in _KINDS:
        raise HTTPException(404, "there is no such file")
    return Response((PAGE / name).read_bytes(), media_type=_KINDS[name], headers=_HEADERS)
