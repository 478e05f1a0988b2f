"""`pulse serve` at work: the application in a server until a signal ends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from pulse_cli.errors import Fatal
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
BACKLOG = 4096


class _Server(uvicorn.Server):
    """A server that leaves signals to pulse: uvicorn would end the process by them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, observer: Observer, stop: Stop) -> None:
    """Serve until `stop` is requested. Raises Fatal where a service or the address cannot be had.

    The address is taken first, and calls are taken once all services are open.
    """
    allow_many_connections()
    with _bound(settings.serve.host, settings.serve.port) as listener:
        await _serve(settings, observer, stop, listener)


async def _serve(
    settings: Settings, observer: Observer, stop: Stop, listener: socket.socket
) -> None:
    async with Service(settings, observer) as service, AsyncExitStack() as stack:
        agents = AgentEndpoint(service) if can_serve_agents() else None
        if agents is not None:
            await stack.enter_async_context(agents.running())
        config = uvicorn.Config(
            application(service, agents),
            http=Connection,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            backlog=BACKLOG,
        )
        with _refusals_told(settings.serve.host, settings.serve.port):
            listener.listen(BACKLOG)
        where = f"http://{_shown(settings.serve.host, settings.serve.port)}"
        observer.on(Message("info", f"serving at {where}; the API is described at {where}/docs"))
        server = _Server(config)

        async def end() -> None:
            await stop.wait()
            server.should_exit = True

        ending = asyncio.create_task(end())
        try:
            await server.serve([listener])
        finally:
            ending.cancel()


def _bound(host: str, port: int) -> socket.socket:
    """A socket with this address, which does not listen yet. Raises Fatal."""
    listener: socket.socket | None = None
    with _refusals_told(host, port):
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            if listener is not None:
                listener.close()
            raise
    return listener


@contextmanager
def _refusals_told(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Fatal(
            f"cannot listen on {_shown(host, port)}: {error.strerror or error}",
            hint="end what listens there, or name another address with --host and --port",
        ) from None


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
