"""Simulated services over real HTTP, with the faults that can be asked of every one of them.

The server is aiohttp's. A service is an object with `handle`; faults are applied here, around
it, so that every simulator has the same ones. A client that goes away cancels the handler of
its request, as axum does.

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
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol

import orjson
from aiohttp import web

from pulse_cli.simulators.faults import Fault, FaultSchedule

JSON: Mapping[str, str] = {"content-type": "application/json"}
PLAIN: Mapping[str, str] = {"content-type": "text/plain; charset=utf-8"}
_BEFORE_THE_WORK = frozenset({"status", "reset", "hang"})


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` are lower-case. `factor`: how many times as long the work is to take."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


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
        self.opened = 0
        self._address = ("127.0.0.1", 0)
        self._http = web.Server(
            self._answer, handler_cancellation=True, access_log=None, auto_decompress=False
        )
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}"

    async def up(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; after `down`, on the same port again unless another one is given."""
        wanted = (host, port or self._address[1])
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, *wanted, backlog=1024)
        self._address = self._server.sockets[0].getsockname()[:2]

    async def down(self) -> None:
        """Stop listening and reset every connection, as a killed process does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._http.connections:
            _reset(connection.transport)
        await self._http.shutdown(timeout=0)

    def _connection(self) -> asyncio.Protocol:
        self.opened += 1
        return self._http()

    def stats(self) -> dict[str, Any]:
        here = {"connections": len(self._http.connections), "connections_opened": self.opened}
        return {**self.service.stats(), **here, "faults_fired": self.faults.fired}

    def reset(self) -> None:
        self.opened = len(self._http.connections)
        self.service.reset()

    def _control(self, request: Request) -> Response:
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

    async def _answer(self, asked: web.BaseRequest) -> web.StreamResponse:
        if asked.headers.get("expect", "").lower() == "100-continue":
            await asked.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await asked.content.read()  # `asked.read` has a limit
        path, _, query = asked.raw_path.partition("?")
        headers = {name.lower(): value for name, value in asked.headers.items()}
        request = Request(asked.method, path, query, headers, body)
        if path.startswith("/_sim/"):
            return _sent(self._control(request))
        fault = self.faults.pick(request.method, path, body)
        try:
            if fault is None:
                return _sent(await self.service.handle(request))
            return await self._disturbed(fault, request, asked)
        except Exception:
            # A bug of the simulator: its traceback must reach who uses it, not a log.
            return _sent(Response(500, traceback.format_exc().encode(), PLAIN))

    async def _disturbed(
        self, fault: Fault, request: Request, asked: web.BaseRequest
    ) -> web.StreamResponse:
        if fault.kind == "slow":
            response = await self.service.handle(replace(request, factor=self.faults.draw(fault)))
            await asyncio.sleep(fault.seconds)
            return _sent(response)
        response = Response()
        if fault.kind not in _BEFORE_THE_WORK or fault.when != "before":
            response = await self.service.handle(request)
        if fault.kind == "status":
            headers = {**JSON, **{k.lower(): v for k, v in fault.headers.items()}}
            return _sent(Response(fault.status, fault.body.encode(), headers))
        if fault.kind == "reset":
            return await _cut_off(asked, response, half=fault.when == "body")
        if fault.kind == "hang":
            await asyncio.get_running_loop().create_future()
        if fault.kind == "drip":
            return await _drip(asked, response, fault.seconds)
        return _sent(_spoil(self.service, fault, response))


@contextlib.asynccontextmanager
async def serving(
    service: Service, *, faults: Iterable[Fault] = (), seed: int = 0, port: int = 0
) -> AsyncIterator[Simulator]:
    """Run a service in this event loop, on a free port of 127.0.0.1 unless another is given."""
    simulator = Simulator(service, FaultSchedule(faults, seed))
    await simulator.up(port=port)
    try:
        yield simulator
    finally:
        await simulator.down()


def _sent(response: Response) -> web.Response:
    return web.Response(body=response.body, status=response.status, headers=response.headers)


async def _begun(asked: web.BaseRequest, response: Response) -> web.StreamResponse:
    """The head of an answer is sent, its body is to follow."""
    begun = web.StreamResponse(status=response.status, headers=response.headers)
    begun.content_length = len(response.body)
    await begun.prepare(asked)
    return begun


async def _cut_off(asked: web.BaseRequest, response: Response, *, half: bool) -> web.StreamResponse:
    """Reset the connection, with half of the answer's body or without an answer."""
    begun = web.StreamResponse()
    if half:
        begun = await _begun(asked, response)
        await begun.write(response.body[: len(response.body) // 2])
        # The half answer must leave the socket before the reset throws it away.
        await asyncio.sleep(0.01)
    _reset(asked.transport)
    return begun


async def _drip(asked: web.BaseRequest, response: Response, seconds: float) -> web.StreamResponse:
    begun = await _begun(asked, response)
    begun.force_close()
    for at in range(len(response.body)):
        await begun.write(response.body[at : at + 1])
        await asyncio.sleep(seconds)
    return begun


def _reset(transport: asyncio.BaseTransport | None) -> None:
    """Close with RST and without sending what is still buffered."""
    if not isinstance(transport, asyncio.Transport):
        return
    if (sock := transport.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


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
