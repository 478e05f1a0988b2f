"""The tools for agents over HTTP, at `/mcp` (streamable HTTP), behind the secret of the API.

Requests stand alone: no session is kept, so an agent may go on after a restart. The library is
loaded at the first request: that takes a third of a second, which no start should wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from pulse_cli.serve import auth
from pulse_cli.serve.limits import App, Receive, Send

if TYPE_CHECKING:
    from pulse_cli.serve.service import Service

PATH = "/mcp"


def can_serve_agents() -> bool:
    """Whether the extra `mcp` is installed."""
    return find_spec("mcp") is not None


class AgentEndpoint:
    """An ASGI application. It answers only while the context of `running()` is open."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._secret = service.api_secret
        self._wanted = asyncio.Event()
        self._app: asyncio.Future[App] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._serve_when_wanted())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _serve_when_wanted(self) -> None:
        """In one task from beginning to end, as the library's own task group demands."""
        await self._wanted.wait()
        try:
            app, sessions = await asyncio.to_thread(_open, self._service)
            async with sessions:
                self._app.set_result(app)
                await asyncio.Event().wait()
        except Exception as error:
            if self._app.done():
                raise
            self._app.set_exception(error)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            auth.check_bearer(Headers(scope=scope), self._secret)
        except auth.Unauthorized as error:
            headers = {"WWW-Authenticate": "Bearer"}
            refusal = JSONResponse({"detail": str(error)}, error.status, headers)
            await refusal(scope, receive, send)
            return
        self._wanted.set()
        app = await asyncio.shield(self._app)
        await app(scope, receive, send)


def _open(service: Service) -> tuple[App, AbstractAsyncContextManager[None]]:
    """The library's application, and the context in which it answers."""
    from mcp.server.transport_security import TransportSecuritySettings

    from pulse_cli.serve.agent_tools import tools_of

    server = tools_of(service.services)
    # Without a secret only the names of this machine are served, so that no web page can
    # reach the tools by a name that it points at loopback.
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        transport_security=unguarded if service.api_secret else None,
    )
    return app, server.session_manager.run()
