"""A small, fast HTTP/1.1 server for simulated services, over real TCP.

It does what httpx, aiohttp and curl need: keep-alive, bodies by Content-Length or in
chunks, `Expect: 100-continue`, one request after another per connection. A service is an
object with `handle`; faults are applied here, around it, so that every simulator has the
same ones. A client that goes away cancels the handler of its request, as axum does.

Control: `GET /_sim/stats`, `POST /_sim/reset` (counters), `POST /_sim/faults` with
`{"faults": [...], "seed": 0}`. These are neither counted nor disturbed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

import orjson

from pulse_cli.simulators.faults import Fault, FaultSchedule
from pulse_cli.simulators.wire import JSON, PLAIN, Request, RequestReader, Response

__all__ = ["JSON", "PLAIN", "Request", "Response", "Service", "Simulator", "serving"]

_BEFORE_THE_WORK = frozenset({"status", "reset", "hang"})


class Service(Protocol):
    """What is simulated. `handle` may be cancelled at any await: the client left."""

    async def handle(self, request: Request) -> Response: ...
    def spoil(self, fault: Fault, response: Response) -> Response:
        """Apply a fault that only this service knows. Raises ValueError on others."""
        ...

    def stats(self) -> dict[str, Any]: ...
    def reset(self) -> None: ...


class Simulator:
    """A service behind a port. `faults` may be set at any time."""

    def __init__(self, service: Service, faults: FaultSchedule | None = None) -> None:
        self.service = service
        self.faults = faults or FaultSchedule()
        self.connections: set[_Connection] = set()
        self.opened = 0
        self._address = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}"

    async def up(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; after `down`, on the same port again unless told otherwise."""
        wanted = (host, port or self._address[1])
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), *wanted, backlog=1024)
        self._address = self._server.sockets[0].getsockname()[:2]

    async def down(self) -> None:
        """Stop listening and reset every connection, as a killed process does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [c.task for c in self.connections if c.task is not None]
        for connection in list(self.connections):
            connection.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stats(self) -> dict[str, Any]:
        here = {"connections": len(self.connections), "connections_opened": self.opened}
        return {**self.service.stats(), **here, "faults_fired": self.faults.fired}

    def reset(self) -> None:
        self.opened = len(self.connections)
        self.service.reset()

    def control(self, request: Request) -> Response:
        """Answer a `/_sim/` request."""
        if request.path == "/_sim/stats":
            return Response(body=orjson.dumps(self.stats()))
        if request.path == "/_sim/reset":
            self.reset()
            return Response(body=b"{}")
        if request.path == "/_sim/faults":
            try:
                asked = orjson.loads(request.body)
                faults = [Fault.from_json(f) for f in asked["faults"]]
            except (ValueError, KeyError, TypeError) as error:
                return Response(400, orjson.dumps({"error": str(error)}))
            self.faults.set(faults, asked.get("seed", 0))
            return Response(body=b"{}")
        return Response(404, b"{}")


@contextlib.asynccontextmanager
async def serving(
    service: Service, *, faults: Iterable[Fault] = (), seed: int = 0, port: int = 0
) -> AsyncIterator[Simulator]:
    """Run a service in this event loop, on a free port of 127.0.0.1 unless told otherwise."""
    simulator = Simulator(service, FaultSchedule(faults, seed))
    await simulator.up(port=port)
    try:
        yield simulator
    finally:
        await simulator.down()


class _Connection(asyncio.Protocol):
    """One client connection: bytes to requests, one answered after the other."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._reader = RequestReader()
        self.task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._simulator.connections.add(self)
        self._simulator.opened += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._simulator.connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def reset(self) -> None:
        """Close with RST and without sending what is still buffered."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        if self.task is None:
            self._advance()

    def _advance(self) -> None:
        """Start on the next request, if all of it is here."""
        try:
            request = self._reader.next()
        except ValueError:
            self._send(Response(400, b"not HTTP", PLAIN), keep=False)
            return
        if self._reader.wants_continue:
            self._reader.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request is not None:
            self.task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        simulator = self._simulator
        if request.path.startswith("/_sim/"):
            self._finish(request, simulator.control(request))
            return
        fault = simulator.faults.pick(request.method, request.path, request.body)
        try:
            if fault is None:
                self._finish(request, await simulator.service.handle(request))
            else:
                await self._answer_with(fault, request)
        except Exception:
            # A bug of the simulator: its traceback must reach who uses it, not a log.
            self._finish(request, Response(500, traceback.format_exc().encode(), PLAIN))

    async def _answer_with(self, fault: Fault, request: Request) -> None:
        service = self._simulator.service
        if fault.kind == "slow":
            slowed = replace(request, factor=self._simulator.faults.draw(fault))
            response = await service.handle(slowed)
            await asyncio.sleep(fault.seconds)
            self._finish(request, response)
            return
        response = Response()
        if fault.kind not in _BEFORE_THE_WORK or fault.when != "before":
            response = await service.handle(request)
        if fault.kind == "status":
            headers = {**JSON, **{k.lower(): v for k, v in fault.headers.items()}}
            self._finish(request, Response(fault.status, fault.body.encode(), headers))
        elif fault.kind == "reset":
            if fault.when == "body":
                head = response.head(keep=True)
                self._transport.write(head + response.body[: len(response.body) // 2])
                # The half answer must leave the socket before the reset throws it away.
                await asyncio.sleep(0.01)
            self.reset()
        elif fault.kind == "hang":
            await asyncio.get_running_loop().create_future()
        elif fault.kind == "drip":
            await self._drip(fault, response)
        else:
            self._finish(request, _spoil(service, fault, response))

    async def _drip(self, fault: Fault, response: Response) -> None:
        self._transport.write(response.head(keep=False))
        for i in range(len(response.body)):
            self._transport.write(response.body[i : i + 1])
            await asyncio.sleep(fault.seconds)
        self._transport.close()

    def _finish(self, request: Request, response: Response) -> None:
        self.task = None
        self._send(response, keep=request.keeps_alive)
        if request.keeps_alive:
            self._advance()

    def _send(self, response: Response, *, keep: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.writelines((response.head(keep=keep), response.body))
        if not keep:
            self._transport.close()


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (80 << 20), compresslevel=6, mtime=0)


def _spoil(service: Service, fault: Fault, response: Response) -> Response:
    if fault.kind == "invalid-json":
        return replace(response, body=b"{this is not json]")
    if fault.kind == "truncated-json":
        return replace(response, body=response.body[: len(response.body) // 2])
    if fault.kind == "html":
        page = b"<!doctype html><html><body>Please log in</body></html>"
        return Response(200, page, {"content-type": "text/html; charset=utf-8"})
    if fault.kind == "gzip-bomb":
        return replace(
            response, body=_bomb(), headers={**response.headers, "content-encoding": "gzip"}
        )
    return service.spoil(fault, response)
