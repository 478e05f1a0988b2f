"""What `pulse bench` does with its flags: measure, report, keep, compare."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.bench.compare import changes, load_report, side_by_side
from pulse_cli.bench.corpus import Corpus, generated_corpus, named_corpus
from pulse_cli.bench.measure import Plan, measure
from pulse_cli.bench.report import Measured, whole
from pulse_cli.bench.sweep import Sweep, as_table
from pulse_cli.bench.text import as_page
from pulse_cli.simulators.profiles import PROFILES, Profile

if TYPE_CHECKING:
    from pulse_cli.config import Loaded
    from pulse_cli.ports import Observer

    Watching: TypeAlias = Callable[[], AbstractContextManager[Observer]]
    """Shows what is done, to whoever gave the command, while the context is open."""

_LONG, _SHORT = 60.0, 20.0
_QUICK_PAGES = 60
_WITHOUT_LIMIT = ("instant",)
_TUNING = ("chunk.", "bm25.", "embed.batch", "run.concurrency", "qdrant.bulk")
_ANY_LENGTH = 1 << 20  # tokens
_PEERS = {"chunk.max_tokens": 500, "chunk.overlap_tokens": 50}


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The command line, checked. `seconds` None: what each profile needs."""

    corpus: tuple[str, ...] = ()
    documents: int = 2000
    chars: int = 2000
    seed: int = 0
    profiles: tuple[str, ...] = ("l4",)
    live: bool = False
    seconds: float | None = None
    quick: bool = False
    dimension: int | None = None
    plan: Plan = field(default_factory=Plan)
    sweep: Sweep | None = None
    stage: str | None = None
    quality: bool = False
    queries: int = 2500
    soak_s: float | None = None
    save: Path | None = None
    against: Path | None = None
    threshold: float = 0.1
    html: Path | None = None
    as_json: bool = False


def bench(options: BenchOptions, loaded: Loaded, watching: Watching) -> bool:
    """Carry the options out; False where something is worse than it was. Raises Fatal."""
    if options.soak_s is not None:
        return _bench_soak(options, options.soak_s)
    before = load_report(options.against) if options.against else None
    if options.quality:
        with _ended_by_sigterm():
            return _bench_quality(options, before, loaded, watching)
    with _ended_by_sigterm(), tempfile.TemporaryDirectory(prefix="pulse-bench-") as folder:
        corpus = _corpus(options, Path(folder))
        if options.stage is not None:
            return _bench_stage(options, corpus, loaded)
        measured = _measure_all(options, corpus, loaded)
    report = whole(corpus, measured)
    table = as_table(list(report["profiles"].values())) if options.sweep else ""
    worse = False
    if before is not None:
        found = changes(before, report)
        worse = any(one.worse > options.threshold for one in found)
        report["against"] = {"file": str(options.against), "regression": worse}
    _tell(report, options, table)
    if before is not None and not options.as_json:
        print("\n" + side_by_side(found, options.threshold))
    _keep(report, options, measured, table)
    return not worse


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _corpus(options: BenchOptions, folder: Path) -> Corpus:
    if options.corpus:
        _say("counting the corpus")
        return named_corpus(options.corpus)
    count = min(options.documents, _QUICK_PAGES) if options.quick else options.documents
    _say(f"writing {count:,} pages")
    return generated_corpus(folder, count, options.chars, options.seed)


def _measure_all(options: BenchOptions, corpus: Corpus, loaded: Loaded) -> list[Measured]:
    """Every profile (or the live services), at every step of the sweep."""
    tuning = _tuning(loaded)
    measured = []
    for name in ("live",) if options.live else options.profiles:
        settings = {**tuning, **options.plan.settings}
        if name.startswith("eight-slots"):
            settings = _PEERS | settings
        plan = replace(options.plan, settings=settings, seconds=_seconds(options, name))
        steps = options.sweep.plans(plan) if options.sweep else iter([("", plan)])
        for step, stepped in steps:
            found = _measure(name, options, corpus, stepped, loaded)
            measured.append(replace(found, name=f"{name} {step}") if step else found)
    return measured


def _measure(
    name: str, options: BenchOptions, corpus: Corpus, plan: Plan, loaded: Loaded
) -> Measured:
    if options.live:
        from pulse_cli.bench.live import measure_live

        return measure_live(loaded, corpus, plan, _say)
    return measure(_profile(name, options.dimension, bare=plan.bare), corpus, plan, _say)


def _profile(name: str, dimension: int | None, *, bare: bool) -> Profile:
    profile = PROFILES[name]
    tei = replace(profile.tei, dimension=dimension or profile.tei.dimension)
    if bare:  # whoever counts no tokens must not be refused for having too many
        tei = replace(tei, max_input_length=_ANY_LENGTH)
    return replace(profile, tei=tei)


def _seconds(options: BenchOptions, name: str) -> float:
    if options.seconds is not None:
        return options.seconds
    if options.quick:
        return 0.0
    return _SHORT if name in _WITHOUT_LIMIT or options.live else _LONG


def _tuning(loaded: Loaded) -> dict[str, Any]:
    """The user's settings that belong to the pipeline and not to any service."""
    chosen = loaded.settings.model_dump(mode="json")
    found = {}
    for name in loaded.origins:
        if name.startswith(_TUNING):
            section, _, key = name.partition(".")
            found[name] = chosen[section][key]
    return found


def _bench_soak(options: BenchOptions, seconds: float) -> bool:
    from pulse_cli.bench.soak import soak, soak_page

    found = soak(seconds, _say)
    print(orjson.dumps(asdict(found)).decode() if options.as_json else soak_page(found))
    return True


def _bench_quality(
    options: BenchOptions, before: dict[str, Any] | None, loaded: Loaded, watching: Watching
) -> bool:
    from pulse_cli.app.loop import run
    from pulse_cli.bench.quality.measure import measure_quality
    from pulse_cli.bench.quality.report import as_object, quality_changes, quality_page

    with watching() as observer, tempfile.TemporaryDirectory(prefix="pulse-bench-") as folder:
        sources = options.corpus or _corpus(options, Path(folder)).sources
        measuring = measure_quality(
            loaded.settings, sources, observer, pages=options.documents, queries=options.queries
        )
        found = as_object(run(measuring))
    report = whole(None, [], quality=found)
    changed = list(quality_changes(before.get("quality"), found)) if before else []
    worse = any(one.worse > options.threshold for one in changed)
    if options.as_json:
        print(orjson.dumps(report).decode())
    else:
        print(quality_page(found))
        if changed:
            print("\n" + side_by_side(changed, options.threshold))
    if options.save:
        options.save.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    return not worse


def _bench_stage(options: BenchOptions, corpus: Corpus, loaded: Loaded) -> bool:
    from pulse_cli.bench.stages import measure_stage, stage_page

    assert options.stage is not None
    _say(f"measuring {options.stage}")
    found = measure_stage(options.stage, corpus, loaded.settings, quick=options.quick)
    report = whole(corpus, [], stage={options.stage: found})
    if options.as_json:
        print(orjson.dumps(report).decode())
    else:
        print(as_page(report) + "\n\n" + stage_page(options.stage, found))
    if options.save:
        write_atomically(
            options.save, orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n", mode=0o644
        )
    return True


def _tell(report: dict[str, Any], options: BenchOptions, table: str) -> None:
    if options.as_json:
        print(orjson.dumps(report).decode(), flush=True)
    else:
        print(as_page(report) + (f"\n\n{table}" if table else ""), flush=True)


def _keep(
    report: dict[str, Any], options: BenchOptions, measured: Sequence[Measured], table: str
) -> None:
    if options.save:
        write_atomically(
            options.save, orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n", mode=0o644
        )
    if options.html:
        from pulse_cli.bench.page import as_html

        write_atomically(options.html, as_html(report, measured, table).encode(), mode=0o644)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM as an exception, like SIGINT, so that what was started is taken down again."""

    def heard(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
