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
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol

import orjson

from pulse_cli.bench.simulators.faults import Fault, FaultSchedule

_REASONS = {s.value: s.phrase for s in HTTPStatus}
_DEFAULT_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_PLAIN: Mapping[str, str] = {"content-type": "text/plain; charset=utf-8"}
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
    headers: Mapping[str, str] = field(default_factory=lambda: _DEFAULT_HEADERS)


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
        self._buffer = bytearray()
        self._request: Request | None = None
        self._needs: int | None = None  # bytes of body; None: chunked
        self._body = bytearray()
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
        self._buffer += data
        if self.task is None:
            self._advance()

    def _advance(self) -> None:
        """Start on the next request, if all of it is here."""
        if self._request is None and not self._read_head():
            return
        if self._request is None or not self._read_body():
            return
        request = replace(self._request, body=bytes(self._body))
        self._request = None
        self._body.clear()
        self.task = asyncio.get_running_loop().create_task(self._answer(request))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        try:
            method, target, version = lines[0].split(" ", 2)
        except ValueError:
            self._send(Response(400, b"bad request line"), keep=False)
            return False
        headers = {"": version}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        path, _, query = target.partition("?")
        self._request = Request(method, path, query, headers, b"")
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self._needs = None if chunked else int(headers.get("content-length", "0"))
        if headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bool:
        if self._needs is not None:
            if len(self._buffer) < self._needs:
                return False
            self._body += self._buffer[: self._needs]
            del self._buffer[: self._needs]
            return True
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            size = int(self._buffer[:end].split(b";")[0], 16)
            if len(self._buffer) < end + 2 + size + 2:
                return False
            self._body += self._buffer[end + 2 : end + 2 + size]
            del self._buffer[: end + 2 + size + 2]
            if size == 0:
                return True

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
            self._finish(request, Response(500, traceback.format_exc().encode(), _PLAIN))

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
            headers = {**_DEFAULT_HEADERS, **{k.lower(): v for k, v in fault.headers.items()}}
            self._finish(request, Response(fault.status, fault.body.encode(), headers))
        elif fault.kind == "reset":
            if fault.when == "body":
                head = _head(response, keep=True)
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
        self._transport.write(_head(response, keep=False))
        for i in range(len(response.body)):
            self._transport.write(response.body[i : i + 1])
            await asyncio.sleep(fault.seconds)
        self._transport.close()

    def _finish(self, request: Request, response: Response) -> None:
        asked = request.headers.get("connection", "").lower()
        keep = asked != "close" and (request.headers[""] == "HTTP/1.1" or asked == "keep-alive")
        self.task = None
        self._send(response, keep=keep)
        if keep and self._buffer:
            self._advance()

    def _send(self, response: Response, *, keep: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.writelines((_head(response, keep=keep), response.body))
        if not keep:
            self._transport.close()


def _head(response: Response, *, keep: bool) -> bytes:
    reason = _REASONS.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}", f"content-length: {len(response.body)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1")


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
