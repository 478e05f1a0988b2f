"""A row of the records for each request: what was asked, how it was answered, how long it took.

A plain ASGI layer: the middleware classes of the framework cost more than a small event does.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import MutableMapping
from typing import Any

from pulse_cli.records.recorder import Recorder, Request
from pulse_cli.serve.limits import App, Message, Receive, Send


class RequestRecords:
    """`RequestRecords(app, recorder)` is the application; each answer gets an `X-Request-ID`."""

    def __init__(self, app: App, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        began = time.perf_counter()
        status = 500  # what the server answers where the application fails

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = (b"x-request-id", request_id.encode())
                message["headers"] = [*message.get("headers", ()), named]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            client = scope.get("client")
            self._recorder.add(
                Request(
                    method=scope["method"],
                    path=scope["path"][:500],  # what is kept is bounded
                    status_code=status,
                    duration_ms=1000 * (time.perf_counter() - began),
                    request_id=request_id,
                    client_ip=client[0] if client else None,
                )
            )
