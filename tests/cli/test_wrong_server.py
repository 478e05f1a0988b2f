"""A server of another kind is named for what it is, in one line, without being waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.cli.exit_codes import Exit
from tests.cli.conftest import Pulse

PAGE = b"<!doctype html><html><head><title>Welcome to nginx!</title></head></html>"


class OtherServer:
    """Answers every request with `status`, `headers` and `body`."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, {"Content-Type": "text/html"}, PAGE
        self.asked = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        other = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                other.asked += 1
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(other.status)
                for name, value in other.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(other.body)))
                self.end_headers()
                self.wfile.write(other.body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server asks for

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def other() -> Iterator[OtherServer]:
    server = OtherServer()
    yield server
    server.close()


def services(port: int) -> dict[str, list[str]]:
    """The ways to name this server as each of the services."""
    url = f"http://127.0.0.1:{port}"
    return {
        "tei": ["crawl.jsonl", "--tei", url],
        "openai": ["crawl.jsonl", "--embed", f"openai+{url}"],
        "qdrant": ["crawl.jsonl", "--qdrant", url],
        "firecrawl": ["firecrawl:crawl/5f-1", "--set", f"firecrawl.url={url}"],
    }


SERVICES = list(services(0))
ANSWERS: dict[str, tuple[int, dict[str, str], bytes, str]] = {
    "a web page": (200, {}, PAGE, "a web page (Welcome to nginx!)"),
    "a page that is not found": (404, {}, PAGE, "404"),
    "a login page": (302, {"Location": "/login?next=/x"}, b"", "a redirect to /login"),
    "text": (200, {}, b"It works!", "It works!"),
    "other JSON": (200, {}, b'{"hello": "world"}', "hello"),
    "null": (200, {}, b"null", "null"),
    "a number": (200, {}, b"1e400", "1e400"),
    "nothing": (200, {}, b"", "nothing"),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b", "compressed (gzip)"),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_it_is_named_at_once(
    pulse: Pulse, crawl: Path, other: OtherServer, service: str, answer: str
) -> None:
    other.status, other.headers, other.body, words = ANSWERS[answer]
    done = pulse("index", *services(other.port)[service], "--progress", "none")
    [line] = [line for line in done.err.splitlines() if line.startswith("pulse: ")]
    assert done.code in (Exit.FATAL, Exit.USAGE), done.err
    assert f"http://127.0.0.1:{other.port}" in line
    assert words in line
    assert "/login?" not in done.err, "a query may hold secrets"
    assert other.asked <= 3, "asked once for each thing that is to be known, never again"


@pytest.mark.parametrize("service", SERVICES)
def test_https_on_an_http_port_is_said(
    pulse: Pulse, crawl: Path, other: OtherServer, service: str
) -> None:
    args = [arg.replace("http:", "https:") for arg in services(other.port)[service]]
    done = pulse("index", *args, "--progress", "none")
    assert done.code == Exit.FATAL, done.err
    assert "does not speak TLS" in done.err
    assert "http:// instead of https://" in done.err


def test_a_crawl_is_asked_for_before_anything_else(
    pulse: Pulse, other: OtherServer, crawl: Any
) -> None:
    other.status, other.body = 401, b'{"success": false, "error": "Unauthorized"}'
    nowhere = ["--tei", "http://127.0.0.1:9", "--qdrant", "http://127.0.0.1:9"]
    done = pulse("index", *services(other.port)["firecrawl"], *nowhere, "--progress", "none")
    assert done.code == Exit.FATAL, done.err
    assert "refuses the key (401)" in done.err
    assert "FIRECRAWL_API_KEY" in done.err
