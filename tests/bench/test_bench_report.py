"""Reports: what is kept, compared, swept and drawn."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from pulse_cli.bench.compare import changes, load_report, side_by_side
from pulse_cli.bench.measure import Plan
from pulse_cli.bench.plots import bars, lines
from pulse_cli.bench.sweep import as_table, parse_sweep
from pulse_cli.errors import Fatal, Kind


@pytest.fixture
def report() -> dict[str, Any]:
    rates = {"documents_per_s": 100.0, "chunks_per_s": 1000.0, "mb_per_s": 2.0}
    profile = {"rates": rates, "efficiency": 0.96, "cpu_s_per_mb": 0.2, "peak_rss_bytes": 1e8}
    return {"pulse_bench": 1, "profiles": {"l4": profile}}


def test_a_figure_got_worse_in_its_own_direction(report: dict[str, Any]) -> None:
    now = copy.deepcopy(report)
    now["profiles"]["l4"]["rates"]["chunks_per_s"] = 800.0
    now["profiles"]["l4"]["cpu_s_per_mb"] = 0.1
    worse = {one.figure: one.worse for one in changes(report, now)}
    assert worse["chunks_per_s"] == pytest.approx(0.2)
    assert worse["cpu_s_per_mb"] == pytest.approx(-0.5)
    assert worse["documents_per_s"] == 0
    page = side_by_side(changes(report, now), 0.1)
    assert [line.endswith("worse") for line in page.splitlines() if "chunks_per_s" in line] == [
        True
    ]
    assert page.count("worse") == 1


def test_profiles_that_only_one_report_has_are_not_compared(report: dict[str, Any]) -> None:
    other = {"pulse_bench": 1, "profiles": {"h100": report["profiles"]["l4"]}}
    assert changes(report, other) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pulse_bench": 99, "profiles": {}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(Fatal) as caught:
        load_report(path)
    assert caught.value.kind is Kind.USAGE


def test_a_report_is_read_back(tmp_path: Path, report: dict[str, Any]) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(orjson.dumps(report))
    assert load_report(path) == report


def test_a_sweep_takes_each_value() -> None:
    plan = Plan(settings={"chunk.max_tokens": 500})
    found = list(parse_sweep("concurrency=1, 8").plans(plan))
    assert [name for name, _ in found] == ["concurrency=1", "concurrency=8"]
    assert found[1][1].settings == {"chunk.max_tokens": 500, "run.concurrency": "8"}
    assert parse_sweep("embed.batch=8").setting == "embed.batch"


@pytest.mark.parametrize("text", ["", "concurrency", "concurrency=", "colour=1,2"])
def test_what_is_no_sweep_is_refused(text: str) -> None:
    with pytest.raises(Fatal):
        parse_sweep(text)


def test_the_fastest_step_has_the_longest_bar() -> None:
    steps = [
        {
            "profile": f"l4 concurrency={n}",
            "rates": {"chunks_per_s": 100.0 * n},
            "efficiency": 0.1 * n,
            "overloaded": 0.0,
            "stages": {"embed": {"p95_ms": 10.0}},
        }
        for n in (1, 4)
    ]
    head, first, second = as_table(steps).splitlines()
    assert "chunks/s" in head
    assert second.count("█") == 4 * first.count("█") == 40


def test_plots_hold_their_points_and_nothing_that_runs() -> None:
    svg = lines("<b>Speed</b>", "s", {"a&b": [(0, 0), (10, 5)]})
    assert "&lt;b&gt;" in svg
    assert "a&amp;b" in svg
    assert svg.count("<polyline") == 1
    assert lines("nothing", "s", {}) == ""
    assert bars("x", "ms", {"one": 2.0, "two": 1.0}).count("<rect") == 2
