"""HTTP/1.1 as bytes: requests read, heads of answers written. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

_REASONS = {s.value: s.phrase for s in HTTPStatus}
JSON: Mapping[str, str] = {"content-type": "application/json"}
PLAIN: Mapping[str, str] = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` are lower-case. `factor`: how many times as long the work is to take."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    version: str = "HTTP/1.1"
    factor: float = 1.0

    @property
    def keeps_alive(self) -> bool:
        asked = self.headers.get("connection", "").lower()
        return asked != "close" and (self.version == "HTTP/1.1" or asked == "keep-alive")


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def head(self, *, keep: bool) -> bytes:
        reason = _REASONS.get(self.status, "Unknown")
        lines = [f"HTTP/1.1 {self.status} {reason}", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1")


class RequestReader:
    """Collects the bytes of one connection and gives out its requests one by one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None
        self._needs: int | None = None  # bytes of body; None: chunked
        self._body = bytearray()
        self.wants_continue = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Request | None:
        """The next whole request. Raises ValueError where the bytes are not HTTP."""
        if self._head is None and not self._read_head():
            return None
        if self._head is None or not self._read_body():
            return None
        request = replace(self._head, body=bytes(self._body))
        self._head = None
        self._body.clear()
        return request

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if self._buffer and not 65 <= self._buffer[0] <= 90:
            raise ValueError("not HTTP: no method; a TLS greeting, most likely")
        if end < 0:
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3:
            raise ValueError("not HTTP: no request line")
        method, target, version = words
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        path, _, query = target.partition("?")
        self._head = Request(method, path, query, headers, b"", version)
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self._needs = None if chunked else int(headers.get("content-length", "0"))
        self.wants_continue = headers.get("expect", "").lower() == "100-continue"
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
