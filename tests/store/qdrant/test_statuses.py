"""What each answer of a Qdrant server means to a run."""

from __future__ import annotations

import pytest

from pulse_cli.errors import Fatal, Kind, PulseError, Rejected, Transient, Unavailable
from pulse_cli.store.qdrant.statuses import Reply, error_of, too_large


def classify(status: int, text: str, retry_after: float | None = None) -> PulseError:
    reply = Reply(status, None, text, retry_after)
    return error_of(reply, "upsert", "http://host:6333", "pages")


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "Wrong input: bad payload", Rejected),
        (422, "Validation error in JSON body", Rejected),
        (400, "Wrong input: Vector dimension error: expected dim: 4, got 3", Fatal),
        (400, "Wrong input: Not existing vector name error: bm25", Fatal),
        (401, "Invalid API key or JWT", Fatal),
        (403, "Forbidden", Fatal),
        (404, "Not found: Collection `pages` doesn't exist!", Fatal),
        (301, "moved", Fatal),
        (405, "", Fatal),
        (408, "timeout", Transient),
        (429, "Write rate limit exceeded: retry in 2s", Transient),
        (500, "Service internal error: Please retry", Transient),
        (500, "No space left on device: WAL buffer size exceeds available disk space", Unavailable),
        (502, "bad gateway", Transient),
        (503, "shard unavailable", Transient),
        (504, "", Transient),
        (507, "quota", Unavailable),
        (200, "something went wrong", Transient),
        (200, "No space left on device", Unavailable),
    ],
)
def test_the_table(status: int, text: str, kind: type[PulseError]) -> None:
    error = classify(status, text)
    assert type(error) is kind
    assert "http://host:6333" in str(error)
    assert not isinstance(error, Fatal) or error.hint


def test_a_full_disk_is_resumable() -> None:
    for error in (classify(507, "quota"), classify(500, "No space left on device")):
        assert isinstance(error, Fatal)
        assert isinstance(error, Unavailable)
        assert error.kind is Kind.DISK_FULL


def test_overload_and_time_are_told_apart() -> None:
    busy = classify(429, "slow down", 3.0)
    assert isinstance(busy, Transient)
    assert (busy.overload, busy.timeout, busy.retry_after) == (True, False, 3.0)
    late = classify(408, "timeout")
    assert isinstance(late, Transient)
    assert (late.overload, late.timeout) == (False, True)


@pytest.mark.parametrize(
    ("reply", "split"),
    [
        (Reply(413, None, "Payload Too Large"), True),
        (Reply(400, None, "JSON payload (40000000 bytes) is larger than allowed"), True),
        (Reply(400, None, "Wrong input"), False),
        (Reply(429, None, "Write rate limit exceeded, request larger than the limit"), True),
        (Reply(429, None, "Write rate limit exceeded: Operation requires 3 tokens", 2.0), False),
        (Reply(429, None, "Too many requests"), False),
        (Reply(200, {}), False),
    ],
)
def test_what_is_too_large_is_split(reply: Reply, split: bool) -> None:
    assert too_large(reply) is split
