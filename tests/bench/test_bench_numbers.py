"""Figures of a run: computed here from recordings made by hand, in round numbers."""

from __future__ import annotations

import pytest

from pulse_cli.bench.bottleneck import bottleneck_of
from pulse_cli.bench.ceiling import ceiling
from pulse_cli.bench.numbers import figures_of, rss_growth, spread, steady_window
from pulse_cli.bench.sample import Recording, Sample
from pulse_cli.simulators.profiles import Backend, Slots, TeiModel


def recording(seconds: int = 20, *, stopped: bool = False, busy: float = 0.5) -> Recording:
    """Begins at 100 s, 3 s and 2 CPU seconds after its launch; 10 chunks and 0.1 MB a second.

    The simulator has two places, `busy` of them at work; it was started at 90.
    """
    samples = []
    for t in range(1, seconds + 1):
        stage = {"busy_s": 0.8 * t, "in_flight": 3, "limit": 3, "p50_ms": 1, "p95_ms": 2}
        tei = {"seconds": 10 + t, "places": 2, "busy_s": 2 * busy * t, "fill": 0.9, "overloaded": 1}
        samples.append(
            Sample(
                at=100.0 + t,
                cpu_s=2 + 0.05 * t,
                rss=100_000_000,
                documents=2 * t,
                chunks=10 * t,
                tokens=4000 * t,
                bytes_text=100_000 * t,
                stages={"embed": {**stage, "p99_ms": 3}},
                tei=tei,
            )
        )
    summary = {"peak_rss_bytes": 120_000_000}
    return Recording(97.0, Sample(at=100.0, cpu_s=2.0), tuple(samples), summary, stopped)


def test_start_up_is_in_no_rate() -> None:
    run = figures_of(recording())
    assert run.startup_s == 3
    assert run.startup_cpu_s == 2
    assert run.seconds == 20
    assert run.chunks_per_s == pytest.approx(10)
    assert run.documents_per_s == pytest.approx(2)
    assert run.mb_per_s == pytest.approx(0.1)
    assert run.cpu_s_per_mb == pytest.approx(0.5)
    assert run.cpu_ms_per_chunk == pytest.approx(5)
    assert run.cpu_share == pytest.approx(0.05)


def test_efficiency_is_the_simulators_own_account_of_the_steady_state() -> None:
    run = figures_of(recording(busy=0.75))
    assert run.efficiency == pytest.approx(0.75)
    assert run.fill == 0.9
    assert run.overloaded == 1
    assert run.store_busy is None


def test_the_steady_state_leaves_out_the_ramp_and_the_tail() -> None:
    first, last = steady_window(recording(40))
    assert (first.at, last.at) == (105, 138)
    first, last = steady_window(recording(40, stopped=True))
    assert (first.at, last.at) == (105, 139)


def test_a_run_cut_short_is_not_charged_for_its_drain() -> None:
    run = figures_of(recording(40, stopped=True))
    assert run.seconds == 39
    assert run.chunks == 390


def test_a_run_too_short_for_figures_gives_figures() -> None:
    nothing = Recording(0.0, Sample(1.0, 1.0), (Sample(1.0, 1.0),), {"peak_rss_bytes": 1}, False)
    run = figures_of(nothing)
    assert run.chunks_per_s == 0
    assert run.cpu_s_per_mb == 0
    assert run.efficiency is None
    assert bottleneck_of(run, 2).stage == "unknown"


def test_memory_that_grows_shows() -> None:
    flat = recording()
    assert rss_growth(flat) == 1.0
    grown = [Sample(s.at, s.cpu_s, rss=i * 10_000_000) for i, s in enumerate(flat.samples)]
    assert rss_growth(Recording(0, flat.started, tuple(grown), {}, False)) > 2


def test_stages_tell_how_long_they_were_full() -> None:
    stage = figures_of(recording()).stages["embed"]
    assert stage.busy == pytest.approx(0.8)
    assert stage.full == 1.0
    assert (stage.p50_ms, stage.p95_ms, stage.p99_ms) == (1, 2, 3)


def test_the_verdict_names_the_service_that_is_busy_and_else_the_fullest_stage() -> None:
    assert bottleneck_of(figures_of(recording(busy=0.97)), 2).stage == "embedder"
    assert bottleneck_of(figures_of(recording(busy=0.5)), 2).stage == "embed"


def test_spread() -> None:
    runs = [figures_of(recording(busy=busy)) for busy in (0.5, 0.9, 0.6)]
    found = spread(runs, "efficiency")
    assert found is not None
    assert found == pytest.approx({"min": 0.5, "median": 0.6, "max": 0.9})
    assert spread(runs, "store_busy") is None


@pytest.mark.parametrize(
    ("model", "tokens", "expected"),
    [
        (TeiModel(Slots(8, 20e-3, 1.5e-3)), 500, 8 * 32 / 0.068),
        (TeiModel(Slots(4, 0.0)), 500, None),
        # 16,384 tokens a batch: 64 texts of 256
        (TeiModel(Backend(1e-3, 1e-6, tokenize_s=0, tokenize_token_s=0)), 256, 64 / 0.017384),
        # no more than 8 texts a batch
        (
            TeiModel(Backend(1e-3, 1e-5, tokenize_s=0, tokenize_token_s=0), max_batch_requests=8),
            100,
            8 / 0.009,
        ),
        # one tokenizer worker is slower than the device
        (TeiModel(Backend(0, 1e-6, workers=1, tokenize_s=0.01, tokenize_token_s=0)), 100, 100),
    ],
)
def test_ceiling(model: TeiModel, tokens: float, expected: float | None) -> None:
    assert ceiling(model, tokens) == (None if expected is None else pytest.approx(expected))
