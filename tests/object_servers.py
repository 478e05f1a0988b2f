"""Servers that keep objects, over real TCP: files with and without ranges, S3, and faults.

`FileServer` serves bytes of its own, or hands requests on to another server (`upstream`), so that
the same faults can happen to an S3 server that knows none.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

ACCESS_KEY, SECRET_KEY = "AKIACANARYKEY0000000", "canary-secret-of-the-environment"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one answer: another status, an end after `size` bytes, a wait after them."""

    kind: Literal["status", "cut", "hang", "drip"]
    status: int = 503
    size: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class FileServer(ThreadingHTTPServer):
    """`files` by path. `faults` happen to the next answers to GET, one each; None is none.

    `seen` are the requests as (method, path with query, headers). With `ranges` they are served;
    `etag` says what kind of ETag is given, `length` whether the length is told. `always` is what
    all requests are answered with, if it is set.
    """

    daemon_threads = True

    def __init__(self, upstream: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.files: dict[str, bytes] = {}
        self.faults: deque[Fault | None] = deque()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.ranges = True
        self.etag: Literal["strong", "weak", "none"] = "strong"
        self.length = True
        self.always: tuple[int, bytes] | None = None
        self.stop_hanging = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no news."""

    @property
    def bytes_asked_for(self) -> list[str]:
        return [headers.get("range", "") for method, _, headers in self.seen if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.seen.append((self.command, self.path, headers))
        fault = server.faults.popleft() if self.command == "GET" and server.faults else None
        if server.always is not None:
            answer = Answer(server.always[0], {}, server.always[1])
        else:
            answer = self._from_upstream() if server.upstream else self._from_files(headers)
        if fault is not None and fault.kind == "status":
            answer = Answer(fault.status, fault.headers, b"")
        self._send(answer, fault)

    do_HEAD = do_PUT = do_GET  # noqa: N815 - as http.server names them

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "hang":
            self.server.stop_hanging.wait(60)
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        told = answer.headers.keys() & {"Content-Length", "content-length"}
        if self.server.length and not told:
            self.send_header("Content-Length", str(len(answer.body)))
        if not self.server.length:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.kind in ("cut", "drip"):
            self.wfile.write(answer.body[: fault.size])
            self.wfile.flush()
            if fault.kind == "drip":
                self.server.stop_hanging.wait(60)
            self.close_connection = True
            self.connection.shutdown(2)
        elif not self.server.length:
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(answer.body), answer.body))
        else:
            self.wfile.write(answer.body)

    def _from_files(self, headers: Mapping[str, str]) -> Answer:
        server = self.server
        body = server.files.get(urlsplit(self.path).path)
        if body is None:
            return Answer(404, {}, b"no such file")
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        given = {"strong": {"ETag": etag}, "weak": {"ETag": f"W/{etag}"}, "none": {}}[server.etag]
        if headers.get("if-match", etag) != etag or (
            "if-match" in headers and server.etag != "strong"
        ):
            return Answer(412, given, b"")
        first, _, last = headers.get("range", "bytes=-").removeprefix("bytes=").partition("-")
        if not server.ranges or not first:
            return Answer(200, given, body)
        if int(first) >= len(body):
            return Answer(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
        part = body[int(first) : int(last or len(body) - 1) + 1]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return Answer(206, {**given, "Content-Range": where}, part)

    def _from_upstream(self) -> Answer:
        to = urlsplit(self.server.upstream)
        connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
        length = int(self.headers.get("content-length", "0"))
        connection.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
        response = connection.getresponse()
        body = response.read()
        dropped = ("transfer-encoding", "connection", "date", "server")
        headers = {n: v for n, v in response.getheaders() if n.lower() not in dropped}
        connection.close()
        return Answer(response.status, headers, body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving_files(upstream: str = "") -> Iterator[FileServer]:
    server = FileServer(upstream)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop_hanging.set()
        server.shutdown()
        server.server_close()
        thread.join()


_OWNER = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/us-east-1/s3/aws4_request"
}
"""Nobody checks it, but without it an object that is there belongs to somebody else."""


class S3Server:
    """An S3 server of the library moto at `url`, with the credentials in the environment."""

    def __init__(self, url: str) -> None:
        self.url = url

    def make(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """A bucket with these objects."""
        self._put(f"/{bucket}", b"")
        for key, data in objects.items():
            self.put(bucket, key, data)

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self._put(f"/{bucket}/{quote(key)}", data)

    def delete(self, bucket: str, key: str) -> None:
        self._ask("DELETE", f"/{bucket}/{key}", b"")

    def _put(self, path: str, data: bytes) -> None:
        self._ask("PUT", path, data)

    def _ask(self, method: str, path: str, data: bytes) -> None:
        to = urlsplit(self.url)
        connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
        connection.request(method, path, data, _OWNER)
        status = connection.getresponse().status
        connection.close()
        assert status < 300, (method, path, status)


@contextlib.contextmanager
def serving_s3() -> Iterator[S3Server]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()


def s3_environment(url: str = "") -> dict[str, str]:
    """Credentials as the environment holds them, with the address of a server if there is one."""
    found = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
    }
    return {**found, "AWS_ENDPOINT_URL": url} if url else found
