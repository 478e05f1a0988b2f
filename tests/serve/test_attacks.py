"""What people do to a service that stands in a network: it refuses, goes on, and tells nothing."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import orjson
import pytest

from pulse_cli.serve.auth import signature
from pulse_cli.serve.connections import HEAD_SECONDS
from tests.serve.conftest import API_SECRET, WEBHOOK_SECRET, Served

MIB = 1 << 20
EVENTS = "/api/webhook/firecrawl"


def signed(body: bytes) -> dict[str, str]:
    return {"x-firecrawl-signature": signature(body, WEBHOOK_SECRET)}


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=30.0)


def answer_to(sent: bytes, served: Served) -> bytes:
    """The first bytes of the answer to raw bytes."""
    with connected(served) as client:
        client.sendall(sent)
        return client.recv(4096)


def is_well(served: Served) -> bool:
    return httpx.get(f"{served.url}/health", timeout=10.0).status_code == 200


@pytest.mark.parametrize("size", [1 << 30, 1 << 40, 10**30])
def test_a_body_of_a_gigabyte_is_refused_before_it_is_sent(served: Served, size: int) -> None:
    head = f"POST {EVENTS} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n"
    assert answer_to(head.encode(), served)[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 400")
    assert is_well(served)


def test_a_gigabyte_without_a_length_is_cut_off(served: Served) -> None:
    before = served.rss_bytes
    head = f"POST {EVENTS} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    part = b"%x\r\n" % MIB + bytes(MIB) + b"\r\n"
    sent = 0
    with connected(served) as client:
        client.sendall(head.encode())
        try:
            while sent < 1024:
                client.sendall(part)
                sent += 1
        except OSError:
            pass
    assert sent < 256, "it was cut off soon"
    assert served.rss_bytes - before < 160 * MIB
    assert is_well(served)


def test_who_drips_a_head_is_not_waited_for(served: Served) -> None:
    """Nothing at all, part of a line, part of a head, part of a second head: all at once."""
    whole = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    began = time.monotonic()
    with ExitStack() as held:
        clients = [held.enter_context(connected(served)) for _ in range(4)]
        parts = (b"", b"POST /api/index HT", b"GET / HTTP/1.1\r\nx: y", b"GET /hea")
        clients[3].sendall(whole)
        assert clients[3].recv(65536).startswith(b"HTTP/1.1 200")
        for client, part in zip(clients, parts, strict=True):
            client.sendall(part)
        for client in clients[:3]:
            assert client.recv(4096) == b"", "the connection is closed without an answer"
        while clients[3].recv(65536):  # the rest of the first answer
            pass
    assert time.monotonic() - began < 2 * HEAD_SECONDS
    assert is_well(served)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_many_connections_that_say_nothing_shut_nobody_out(
    mortal: Served, many_files: None, count: int
) -> None:
    mortal.start()
    before = mortal.rss_bytes
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(connected(mortal))
        began = time.monotonic()
        assert is_well(mortal)
        assert time.monotonic() - began < 5.0
        assert mortal.rss_bytes - before < 350 * MIB
    assert is_well(mortal)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


BOMBS = {
    "brackets": b"[" * 1_000_000,
    "braces": b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
    "deep data": b'{"type":"crawl.page","data":' + b"[" * 900 + b"]" * 900 + b"}",
    "deep page": b'{"type":"crawl.page","data":[' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}",
    "many pages": b'{"type":"crawl.page","data":[' + b"0," * 2_000_000 + b"0]}",
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(500_000)) + b"}",
    "a long number": b'{"type":"crawl.page","data":[' + b"9" * 1_000_000 + b"]}",
    "no unicode": b'{"type":"\xff\xfe"}',
    "half a surrogate": b'{"type":"crawl.page","id":"\\ud800","data":[]}',
    "NaN": b'{"type":"crawl.page","data":[NaN]}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_json_bombs_are_refused_in_good_time(served: Served, name: str) -> None:
    body = BOMBS[name]
    began = time.monotonic()
    for path, headers in ((EVENTS, signed(body)), ("/api/index", {}), ("/api/search", {})):
        answer = served.client.post(path, content=body, headers=headers)
        assert answer.status_code in (200, 400, 422), answer.text
    assert httpx.post(served.url + EVENTS, content=body).status_code == 401, "not read unsigned"
    assert time.monotonic() - began < 20.0
    assert is_well(served)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_change_at_no_moment_of_utc_is_refused_for_good(served: Served, moment: str) -> None:
    change = {"watch_id": "w", "watch_url": "https://a.example/", "detected_at": moment}
    answer = served.client.post("/api/webhook/changedetection", json=change)
    assert answer.status_code == 400, "a 503 would be sent again for ever"


def test_numbers_that_no_database_holds_are_refused(served: Served) -> None:
    answer = served.client.get("/api/metrics/operations", params={"offset": "9" * 30})
    assert answer.status_code == 422


def test_a_signature_serves_its_own_body_only(served: Served) -> None:
    good = orjson.dumps({"type": "crawl.started", "id": "s", "data": []})
    other = orjson.dumps({"type": "crawl.failed", "id": "s", "data": []})
    url = served.url + EVENTS
    for _ in range(2):  # replayed, it does what it did
        assert httpx.post(url, content=good, headers=signed(good)).status_code == 200
    assert httpx.post(url, content=other, headers=signed(good)).status_code == 401
    assert httpx.post(url, content=good + b" ", headers=signed(good)).status_code == 401
    bearer = {"authorization": f"Bearer {WEBHOOK_SECRET}"}
    assert httpx.post(url, content=good, headers=bearer).status_code == 401


def test_a_replayed_event_makes_no_double(served: Served) -> None:
    page = {"markdown": "Replayed zanzibar.", "metadata": {"url": "https://r.example/"}}
    body = orjson.dumps({"type": "crawl.page", "success": True, "id": "r", "data": [page]})
    for _ in range(3):
        told = httpx.post(served.url + EVENTS, content=body, headers=signed(body)).json()
        assert served.result(told["job_ids"][0])["success"]
    found = served.client.post("/api/search", json={"query": "zanzibar", "mode": "bm25"}).json()
    assert len(found["results"]) == 1


def test_nothing_is_allowed_to_other_origins(served: Served) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = httpx.request(method, f"{served.url}/health", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_secrets_stand_in_no_log_answer_or_file(mortal: Served) -> None:
    """Canaries in every place that takes a secret; every kind of failure around them."""
    canaries = {
        "PULSE_FIRECRAWL__API_KEY": "canary-firecrawl-key",
        "PULSE_EMBED__API_KEY": "canary-embed-key",
        "PULSE_RECORDS__URL": "postgresql://user:canary-password@127.0.0.1:1/none",
    }
    mortal.environment |= canaries
    mortal.start(firecrawl__url="http://127.0.0.1:1")
    answers = []
    for headers in ({}, {"authorization": f"Bearer {API_SECRET}x"}, {"x-signature": "sha256=0"}):
        for path in (EVENTS, "/api/webhook/changedetection", "/api/index", "/api/search"):
            answers.append(httpx.post(mortal.url + path, content=b"{", headers=headers).text)
    change = {"watch_id": "w", "watch_url": "https://a.example", "detected_at": "2026-01-01"}
    for path in ("/api/status", "/api/stats", "/api/metrics/operations", "/health", "/metrics"):
        answers.append(mortal.client.get(path).text)
    answers.append(mortal.client.post("/api/webhook/changedetection", json=change).text)
    page = {"url": "https://a.example/", "markdown": "x"}
    mortal.result(mortal.client.post("/api/index", json=page).json()["job_id"])
    mortal.end()
    files = [path.read_bytes() for path in mortal.folder.rglob("*") if path.is_file()]
    secrets = ["canary-firecrawl-key", "canary-embed-key", "canary-password"]
    for secret in (*secrets, API_SECRET, WEBHOOK_SECRET):
        assert not [text for text in answers if secret in text]
        assert not [data for data in files if secret.encode() in data]
