"""Numbers as people read them, and how fast a run is said to be."""

from __future__ import annotations

import pytest

from pulse_cli import numbers
from pulse_cli.cli.throughput import LONG_WINDOW_S, Throughput, bytes_done
from pulse_cli.events import Counts, Stats


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.rate(3204.2), "3,204"),
        (numbers.rate(42.13), "42.1"),
        (numbers.rate(0.371), "0.37"),
        (numbers.size(999), "999 B"),
        (numbers.size(95_361), "95.4 kB"),
        (numbers.size(12_344_567), "12.3 MB"),
        (numbers.size(7.2e12), "7.2 TB"),
        (numbers.clock(271), "0:04:31"),
        (numbers.clock(-3), "0:00:00"),
        (numbers.duration(4.21), "4.2 s"),
        (numbers.duration(3725), "1:02:05"),
        (numbers.plural(1, "page"), "1 page"),
        (numbers.plural(1204, "page"), "1,204 pages"),
        (numbers.reasons({"a": 1, "b": 3, "c": 1}), "3 b, 1 a, 1 c"),
    ],
)
def test_numbers(shown, expected):
    assert shown == expected


def stats(at: float, records: int, ahead: int = 0, chunks: int = 0, read: int = 0) -> Stats:
    return Stats(
        counts=Counts(indexed=records),
        elapsed_s=at,
        open_records=ahead,
        chunks_embedded=chunks,
        documents_done=records,
        bytes_read=read,
        bytes_total=1000,
    )


def test_what_was_read_ahead_is_not_done():
    assert bytes_done(stats(1, records=0, ahead=10, read=1000)) == 0
    assert bytes_done(stats(1, records=5, ahead=5, read=1000)) == 500
    assert bytes_done(stats(1, records=10, read=1000)) == 1000
    assert bytes_done(Stats()) == 0


def test_rates_are_those_of_the_last_seconds():
    pace = Throughput()
    for second in range(101):  # 2 chunks a second, from the 50th on 10
        pace.update(stats(second, records=second, chunks=2 * second + max(0, 8 * (second - 50))))
    assert pace.chunks_per_s == pytest.approx(10)
    assert pace.documents_per_s == pytest.approx(1)
    assert len(pace._samples) <= LONG_WINDOW_S + 2


def test_the_time_left_is_told_when_it_is_known():
    pace = Throughput()
    assert pace.left_s(stats(0, 0)) is None
    pace.update(stats(0, records=0, ahead=10, read=1000))
    assert pace.left_s(stats(0, records=0, ahead=10, read=1000)) is None
    now = stats(4, records=2, ahead=8, read=1000)
    pace.update(now)
    assert pace.left_s(now) == pytest.approx(16)
    endless = stats(4, records=2)
    endless.bytes_total = None
    assert pace.left_s(endless) is None


CHUNKS = [1, 3, 90, 2, 40, 5] * 10
CHUNKS_PER_S = 25
PER_CHUNK, PER_PAGE = 900, 2000
"""Bytes of input."""


def at_work(second: float) -> Stats:
    """A run over 60 mixed pages: all was read at once, 128 chunks are cut ahead of the embedder."""
    embedded = min(int(CHUNKS_PER_S * second), sum(CHUNKS))
    ends = [sum(CHUNKS[: number + 1]) for number in range(len(CHUNKS))]
    known = [end for end in ends if end <= embedded + 128]
    whole = sum(PER_PAGE + PER_CHUNK * count for count in CHUNKS)
    indexed = sum(end <= embedded for end in ends)
    return Stats(
        counts=Counts(indexed=indexed),
        elapsed_s=second,
        open_records=len(CHUNKS) - indexed,
        documents_known=len(known),
        chunks_known=max(known, default=0),
        chunks_embedded=embedded,
        bytes_read=whole,
        bytes_total=whole,
    )


def test_time_left_and_share_of_mixed_pages_are_within_a_third_after_10_s():
    pace, end = Throughput(), sum(CHUNKS) / CHUNKS_PER_S
    for quarter in range(int(4 * end)):
        now = at_work(quarter / 4)
        pace.update(now)
        if now.elapsed_s >= 10:
            left, share = pace.left_s(now), pace.share(now)
            assert left == pytest.approx(end - now.elapsed_s, rel=1 / 3, abs=1), now.elapsed_s
            assert share == pytest.approx(now.elapsed_s / end, rel=1 / 3), now.elapsed_s


def test_a_resumed_run_begins_with_the_share_that_was_done():
    pace = Throughput()
    first = stats(0, records=50, read=500)
    pace.update(first)
    assert pace.share(first) == pytest.approx(0.5)
    now = stats(10, records=60, ahead=40, chunks=20, read=1000)
    now.documents_known, now.chunks_known = 50, 100
    pace.update(now)
    assert pace.share(now) == pytest.approx(0.6)
    assert pace.left_s(now) == pytest.approx(40)
