"""The HTTP application over a running service."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.routing import Route

from pulse_cli import __version__
from pulse_cli.serve.answers import json_answer
from pulse_cli.serve.description import describe
from pulse_cli.serve.limits import BodyLimits
from pulse_cli.serve.request_records import RequestRecords
from pulse_cli.serve.routes import changes, events, records, search, state
from pulse_cli.serve.routes.guard import problems
from pulse_cli.serve.service import Service

IN_MEMORY = 128 << 20
"""Bytes of request bodies held at one time."""


def application(service: Service, agents: Any = None) -> BodyLimits:
    """The application. The service must be open while it is served.

    `agents` is the ASGI application at `/mcp`, if agents are served.
    """
    app = FastAPI(
        title="pulse",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        description="Takes what Firecrawl crawled and makes it searchable.",
    )
    app.state.service = service
    for module in (events, changes, search, records, state):
        app.include_router(module.router)
    describe(app)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    if agents is not None:
        app.router.routes.append(Route("/mcp", agents))

    recorded = RequestRecords(app, service.recorder)
    return BodyLimits(recorded, max_body=service.settings.serve.max_body, max_in_memory=IN_MEMORY)


async def _bad_parameter(_: Request, error: Exception) -> Response:
    """A parameter of another form, told as a body of another form is: without repeating it."""
    assert isinstance(error, RequestValidationError)
    return json_answer({"detail": problems(error.errors())}, 422)
