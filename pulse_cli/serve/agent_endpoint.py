"""The tools for agents over HTTP, at `/mcp` (streamable HTTP), behind the secret of the API.

Requests stand alone: no session is kept, so an agent may go on after a restart.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from pulse_cli.serve import auth
from pulse_cli.serve.agent_tools import tools_of
from pulse_cli.serve.limits import Receive, Send
from pulse_cli.serve.service import Service

PATH = "/mcp"


class AgentEndpoint:
    """An ASGI application. It answers only while the context of `running()` is open."""

    def __init__(self, service: Service) -> None:
        self._secret = service.api_secret
        server = tools_of(service.services)
        # Without a secret only the names of this machine are served, so that no web page can
        # reach the tools by a name that it points at loopback.
        guarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._app = server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            transport_security=guarded if self._secret else None,
        )
        self._sessions = server.session_manager

    def running(self) -> AbstractAsyncContextManager[None]:
        return self._sessions.run()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            auth.check_bearer(Headers(scope=scope), self._secret)
        except auth.Unauthorized as error:
            headers = {"WWW-Authenticate": "Bearer"}
            refusal = JSONResponse({"detail": str(error)}, error.status, headers)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
