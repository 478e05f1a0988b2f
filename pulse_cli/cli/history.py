"""The starts of the last hours, from the log of runs: for people and for programs.

The durations of a stage over several starts are the median of their medians (`p50_ms`) and the
highest of their 95th percentiles (`p95_ms`), so that one bad night can be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from pulse_cli import numbers
from pulse_cli.cli.exit_codes import exit_of_record, with_exit_code
from pulse_cli.sanitize import sanitize

Record = dict[str, Any]


def as_object(records: Sequence[Record], hours: float) -> dict[str, Any]:
    """`starts` as recorded, with times in RFC 3339, and their totals."""
    return {
        "hours": hours,
        "starts": [
            {
                **with_exit_code(one, exit_of_record(one)),
                "started": moment(one["started"]),
                "ended": moment(one["ended"]),
            }
            for one in records
        ],
        "ends": dict(Counter(_end(one) for one in records)),
        "failures": dict(_failures(records)),
        "stages": stages(records),
    }


def as_page(records: Sequence[Record], hours: float, room: int | None = None) -> str:
    """The same for people, the latest start last; in at most `room` lines if possible."""
    if not records:
        return f"No run in the last {hours:g} hours."
    head = f"{numbers.plural(len(records), 'start')} in the last {hours:g} hours:"
    failures, found = _failures(records), stages(records)
    above = [*_table(found), ""] if found else []
    above += [f"Failures: {numbers.reasons(failures)}", ""] if failures else []
    if room is not None and len(above) > room // 2:
        above = []
    starts: list[str] = []
    for number, one in enumerate(reversed(records)):
        lines = _line(one).splitlines()
        if room is not None and number and len(above) + 1 + len(starts) + len(lines) > room:
            head = f"{head[:-1]}, the last {number} (--all shows all):"
            break
        starts = lines + starts
    return "\n".join([*above, head, *starts])


def moment(seconds: float) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def stages(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Totals and durations by stage; an unused stage is left out."""
    found: dict[str, list[Record]] = {}
    for one in records:
        for name, stage in one["stages"].items():
            if stage["requests"] or stage["dead"]:
                found.setdefault(name, []).append(stage)
    return {
        name: {
            "requests": sum(stage["requests"] for stage in all_of_it),
            "retries": sum(stage["retries"] for stage in all_of_it),
            "dead": sum(stage["dead"] for stage in all_of_it),
            "busy_s": round(sum(stage["busy_s"] for stage in all_of_it), 3),
            "p50_ms": median(stage["p50_ms"] for stage in all_of_it),
            "p95_ms": max(stage["p95_ms"] for stage in all_of_it),
        }
        for name, all_of_it in found.items()
    }


def _end(one: Record) -> str:
    problem = one["error"]
    return str(problem["kind"]) if problem else str(one["status"])


def _failures(records: Sequence[Record]) -> Counter[str]:
    """Starts that ended early, by cause, and dead letters, by reason.

    Of a resumed run only the dead letters of its last start are counted, because these include
    those of the earlier starts.
    """
    found = Counter(one["error"]["kind"] for one in records if one["error"])
    last = {one["run_id"]: one for one in records if one["run_id"]}
    for one in last.values():
        found.update(one["counts"]["dead"])
    return found


def _line(one: Record) -> str:
    counts = one["counts"]
    skipped, dead = sum(counts["skipped"].values()), sum(counts["dead"].values())
    took = numbers.duration(one["ended"] - one["started"])
    done = f"{counts['indexed']:,} indexed, {counts['unchanged']:,} unchanged"
    more = ((skipped, "skipped"), (dead, "dead"), (one["pruned"], "pruned"))
    done += "".join(f", {number:,} {word}" for number, word in more if number)
    head = f"  {moment(one['started'])}  exit {exit_of_record(one):<3} {took:>8}"
    lines = [f"{head}  {sanitize(', '.join(one['sources']))}: {done}"]
    if one["error"]:
        lines.append(f"      {sanitize(one['error']['message'])}")
    return "\n".join(lines)


def _table(found: dict[str, dict[str, float]]) -> Iterator[str]:
    yield f"{'stage':<8}{'requests':>10}{'retries':>9}{'dead':>6}{'busy':>10}{'p50':>10}{'p95':>10}"
    for name, stage in found.items():
        busy = numbers.duration(stage["busy_s"])
        counted = f"{stage['requests']:>10,}{stage['retries']:>9,}{stage['dead']:>6,}"
        yield f"{name:<8}{counted}{busy:>10}{_ms(stage['p50_ms']):>10}{_ms(stage['p95_ms']):>10}"


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.1f} s"
