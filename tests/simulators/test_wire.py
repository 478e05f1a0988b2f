"""The simulators' HTTP: any cut of the bytes gives the same requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.simulators.faults import Fault, FaultSchedule
from pulse_cli.simulators.wire import Request, RequestReader

BODIES = st.lists(st.binary(max_size=300), max_size=4)


def as_bytes(body: bytes, chunks: int) -> bytes:
    """A request with this body, in one piece (`chunks` 0) or in chunks of so many bytes."""
    if not chunks:
        return b"POST /a?b=c HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    head = b"POST /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [body[i : i + chunks] for i in range(0, len(body), chunks)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*pieces, b""])


@given(bodies=BODIES, chunks=st.integers(0, 50), cut=st.integers(1, 64))
def test_requests_are_the_same_however_their_bytes_arrive(
    bodies: list[bytes], chunks: int, cut: int
) -> None:
    data = b"".join(as_bytes(body, chunks) for body in bodies)
    reader = RequestReader()
    got: list[Request] = []
    for i in range(0, len(data), cut):
        reader.feed(data[i : i + cut])
        while (request := reader.next()) is not None:
            got.append(request)
    assert [request.body for request in got] == bodies
    assert all((r.method, r.path, r.query) == ("POST", "/a", "b=c") for r in got)


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"NONSENSE\r\n\r\n"])
def test_bytes_that_are_not_http_are_refused(data: bytes) -> None:
    reader = RequestReader()
    reader.feed(data)
    with pytest.raises(ValueError, match="not HTTP"):
        reader.next()


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_who_keeps_the_connection(version: str, connection: str, keeps: bool) -> None:
    request = Request("GET", "/", "", {"connection": connection}, b"", f"HTTP/{version}")
    assert request.keeps_alive is keeps


def test_a_random_share_is_the_same_for_the_same_seed() -> None:
    def fired(seed: int) -> list[bool]:
        schedule = FaultSchedule([Fault("reset", rate=0.3)], seed)
        return [schedule.pick("POST", "/embed", b"") is not None for _ in range(1000)]

    assert fired(1) == fired(1) != fired(2)
    assert 250 < sum(fired(1)) < 350


def test_the_first_fault_that_matches_happens_and_ordinals_count_matches_only() -> None:
    schedule = FaultSchedule(
        [Fault("reset", path="/b", first=1, count=1), Fault("hang", marker="x"), Fault("html")]
    )
    picks = [
        schedule.pick("POST", path, body)
        for path, body in [("/b", b""), ("/a", b"x"), ("/b", b"x"), ("/b", b"")]
    ]
    assert [fault.kind for fault in picks if fault] == ["html", "hang", "reset", "html"]
    assert schedule.fired == [1, 1, 2]


def test_latency_factors_lie_between_their_ends() -> None:
    fault = Fault("slow", factor=(0.5, 5.0))
    schedule = FaultSchedule([fault], seed=3)
    drawn = [schedule.draw(fault) for _ in range(500)]
    assert 0.5 <= min(drawn) < 0.6
    assert 4.5 < max(drawn) <= 5.0
