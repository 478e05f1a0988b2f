"""`pulse serve` at work: the application in a server until a signal ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from pulse_cli.events import Message
from pulse_cli.serve.agent_endpoint import AgentEndpoint, can_serve_agents
from pulse_cli.serve.application import application
from pulse_cli.serve.connections import Connection, allow_many_connections
from pulse_cli.serve.service import Service

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.engine import Stop
    from pulse_cli.ports import Observer

DRAIN_SECONDS = 30
KEEP_ALIVE_SECONDS = 75


class _Server(uvicorn.Server):
    """A server that leaves signals to pulse: uvicorn would end the process by them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, observer: Observer, stop: Stop) -> None:
    """Serve until `stop` is requested. Raises Fatal where a service cannot be had."""
    allow_many_connections()
    async with Service(settings, observer) as service, AsyncExitStack() as stack:
        agents = AgentEndpoint(service) if can_serve_agents() else None
        if agents is not None:
            await stack.enter_async_context(agents.running())
        config = uvicorn.Config(
            application(service, agents),
            host=settings.serve.host,
            port=settings.serve.port,
            http=Connection,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            backlog=4096,
        )
        where = f"http://{settings.serve.host}:{settings.serve.port}"
        observer.on(Message("info", f"serving at {where}; the API is described at {where}/docs"))
        server = _Server(config)

        async def end() -> None:
            await stop.wait()
            server.should_exit = True

        ending = asyncio.create_task(end())
        try:
            await server.serve()
        finally:
            ending.cancel()
