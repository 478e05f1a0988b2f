"""Which requests a fault of a simulated service happens to."""

from __future__ import annotations

from pulse_cli.simulators.faults import Fault, FaultSchedule


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
