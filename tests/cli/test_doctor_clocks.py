"""`pulse doctor` against servers whose clocks are wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from pulse_cli.doctor.clocks import judged, seconds_ahead

Server = Callable[[str | None], str]


@pytest.fixture
def server() -> Iterator[Server]:
    """`server(date)`: the address of one that refuses everybody, and tells them that time."""
    running: list[HTTPServer] = []

    def start(date: str | None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(401)
                if date is not None:
                    self.send_header("Date", date)
                self.end_headers()

        running.append(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=running[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}"

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


class Stopped:
    """A clock that stands at `now`."""

    def __init__(self, now: float) -> None:
        self._now = now

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        raise AssertionError("durations are not asked for")

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits")


@pytest.mark.parametrize(
    ("here", "ahead"), [(1000.0, 0), (1000.9, 0), (1001.5, -0.5), (900.0, 100), (1100.0, -99)]
)
async def test_how_far_a_server_is_ahead(server: Server, here: float, ahead: float) -> None:
    """`Date` is cut to whole seconds, so up to one is no difference."""
    url = server(formatdate(1000, usegmt=True))
    assert await seconds_ahead(url, Stopped(here), trust_env=False) == pytest.approx(ahead)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 99:00:00 GMT"])
async def test_a_server_that_tells_no_time_is_passed_over(server: Server, date: str | None) -> None:
    assert await seconds_ahead(server(date), Stopped(1000.0), trust_env=False) is None


def test_a_minute_is_tolerated() -> None:
    levels = [judged("Qdrant", ahead).level for ahead in (-61.0, -60.0, 0.0, 60.0, 61.0)]
    assert levels == ["warning", "ok", "ok", "ok", "warning"]


def test_wrong_clocks_are_told_with_what_they_do(pulse, server: Server) -> None:
    early, right = formatdate(time.time() - 7200, usegmt=True), formatdate(usegmt=True)
    services = ("--embed", f"openai+{server(early)}", "--qdrant", server(right))
    report = pulse("doctor", *services, "--json").json["findings"]
    found = [one for one in report if one["check"] == "server clock"]
    assert [one["level"] for one in found] == ["warning", "ok"]
    assert found[0]["message"].startswith("embedder: 7,")
    assert "behind this machine's; runs are not affected, but indexed_at" in found[0]["message"]
    assert "set-ntp" in found[0]["mend"]
    local = pulse("doctor", "--qdrant", "here", "--json").json["findings"]
    assert "server clock" not in {one["check"] for one in local}
