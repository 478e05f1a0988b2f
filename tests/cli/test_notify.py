"""The end of a run is sent to a URL or a command; that never changes how the run ended."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pulse_cli.app.loop import run
from pulse_cli.app.notify import _run
from pulse_cli.cli.exit_codes import Exit


class Listener(HTTPServer):
    """Keeps what it is sent, and answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, bytes]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/TOKEN?channel=ops"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_url_gets_the_summary_of_every_end(pulse, crawl, listener, monkeypatch):
    monkeypatch.setenv("PULSE_RUN__NOTIFY", listener.url)
    done = pulse("index", str(crawl), "--json")
    assert done.code == Exit.DEAD_LETTERS
    assert pulse("index", "missing.jsonl", "-q").code == Exit.USAGE
    (first_path, first), (_, second) = listener.received
    assert first_path == "/hooks/TOKEN?channel=ops"
    assert json.loads(first) == done.json
    assert json.loads(second)["error"]["kind"] == "missing-source"


@pytest.mark.parametrize("status", [404, 500, None])
def test_a_url_that_fails_is_said_without_its_token(pulse, crawl, listener, monkeypatch, status):
    url = listener.url if status else "http://127.0.0.1:9/hooks/TOKEN"
    listener.status = status or 200
    monkeypatch.setenv("PULSE_RUN__NOTIFY", url)
    done = pulse("index", str(crawl), "-q")
    assert done.code == Exit.DEAD_LETTERS
    assert "run.notify: " in done.err
    assert str(status or "cannot connect") in done.err
    assert "TOKEN" not in done.err
    assert "TOKEN" not in pulse("config", "show").out


def test_a_command_reads_the_summary(pulse, crawl, home: Path, monkeypatch):
    (home / "work" / "keep.py").write_text(
        "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    )
    (home / "work" / "pulse.yaml").write_text(
        f"run:\n  notify: {sys.executable} keep.py 'how it ended.json'\n"
    )
    done = pulse("index", str(crawl), "--json")
    assert json.loads((home / "work" / "how it ended.json").read_text()) == done.json


@pytest.mark.parametrize(
    ("command", "says"),
    [("nosuch-program", "cannot be run: No such file"), ("false", "false ended with 1")],
)
def test_a_command_that_fails_is_said(pulse, crawl, monkeypatch, command, says):
    monkeypatch.setenv("PULSE_RUN__NOTIFY", command)
    done = pulse("index", str(crawl), "-q")
    assert done.code == Exit.DEAD_LETTERS
    assert says in done.err


async def test_a_command_that_does_not_end_is_ended_with_its_children():
    assert await _run(["sh", "-c", "sleep 100 & wait"], b"{}", seconds=0.1) == (
        "sh did not end in 0.1 s"
    )


def test_a_command_may_end_before_the_summary_is_sent(monkeypatch):
    start = asyncio.create_subprocess_exec

    async def start_and_end(*words, **options):
        process = await start(*words, **options)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_end)
    assert run(_run(["true"], b"{}")) is None


async def test_without_a_temporary_folder_the_command_is_not_run(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert await _run(["true"], b"{}") == "true cannot be run: No such file or directory"


@pytest.mark.parametrize("value", ["ftp://x/y", "http://", "echo 'open"])
def test_what_is_neither_url_nor_command_is_refused(pulse, crawl, monkeypatch, value):
    monkeypatch.setenv("PULSE_RUN__NOTIFY", value)
    done = pulse("index", str(crawl))
    assert done.code == Exit.USAGE
    assert "$PULSE_RUN__NOTIFY: `run.notify`: " in done.err
    assert value not in done.err
