"""`pulse bench`: its flags."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import CHOICE, COURSE, OUTPUT, SERVICES, Json, with_settings
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.bench.sweep import Sweep
    from pulse_cli.config import Loaded


Corpus = Annotated[
    list[str] | None,
    typer.Option(
        "--corpus",
        metavar="PATH",
        help="Pages to index; default: generated.",
        rich_help_panel=CHOICE,
    ),
]
Documents = Annotated[
    int, typer.Option(min=1, metavar="N", help="Number of generated pages.", rich_help_panel=CHOICE)
]
Chars = Annotated[
    int,
    typer.Option(
        min=200, metavar="N", help="Median length of a generated page.", rich_help_panel=CHOICE
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", help="Seed of the generated pages.", rich_help_panel=CHOICE)
]
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="PROFILE",
        help="l4, h100, cpu, original, eight-slots, eight-slots-x10, instant; repeatable.",
        rich_help_panel=SERVICES,
    ),
]
Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Measure the configured services, in a temporary collection.",
        rich_help_panel=SERVICES,
    ),
]
Dimension = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Dimension of the simulated vectors.", rich_help_panel=SERVICES
    ),
]
Disturbed = Annotated[
    bool,
    typer.Option(
        "--disturbed",
        help="Vary latencies tenfold; 1 % of requests take 20 times as long.",
        rich_help_panel=SERVICES,
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Length of a run; 0: index the corpus once.",
        rich_help_panel=COURSE,
    ),
]
Runs = Annotated[
    int, typer.Option(min=1, metavar="N", help="Runs of each profile.", rich_help_panel=COURSE)
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="60 pages, once: a short try, no measurement.", rich_help_panel=COURSE
    ),
]
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        metavar="sequential|gather:N",
        help="Compare with the pipeline of the original service; repeatable.",
        rich_help_panel=COURSE,
    ),
]
Rerun = Annotated[
    bool,
    typer.Option(
        "--rerun", help="Index the unchanged corpus again (--seconds 0).", rich_help_panel=COURSE
    ),
]
Bare = Annotated[
    bool, typer.Option("--bare", help="Leave out token counting and BM25.", rich_help_panel=COURSE)
]
SweepFlag = Annotated[
    str | None,
    typer.Option(
        "--sweep",
        metavar="SETTING=A,B,C",
        help="Measure with each value in turn: concurrency=1,2,4,8.",
        rich_help_panel=COURSE,
    ),
]
Stage = Annotated[
    str | None,
    typer.Option(
        metavar="read|prepare", help="Measure one stage alone, on one core.", rich_help_panel=COURSE
    ),
]
Quality = Annotated[
    bool,
    typer.Option(
        "--quality",
        help="Measure how well known pages are found, with the configured model.",
        rich_help_panel=COURSE,
    ),
]
Queries = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Number of queries of --quality.", rich_help_panel=COURSE
    ),
]
Soak = Annotated[
    float | None,
    typer.Option(
        min=1,
        metavar="MINUTES",
        help="Index for this long over services that fail at times; report what grows.",
        rich_help_panel=COURSE,
    ),
]
Save = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Save the report as JSON.", rich_help_panel=OUTPUT),
]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Compare with a saved report; exit 1 if worse.", rich_help_panel=OUTPUT
    ),
]
Threshold = Annotated[
    str, typer.Option(metavar="P%", help="How much worse counts as worse.", rich_help_panel=OUTPUT)
]
Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a page with plots.", rich_help_panel=OUTPUT),
]


@with_settings("embed", "qdrant", "run.concurrency", "qdrant.bulk")
def bench(
    *,
    loaded: Loaded,
    corpus: Corpus = None,
    documents: Documents = 2000,
    chars: Chars = 2000,
    seed: Seed = 0,
    profile: Profiles = None,
    live: Live = False,
    dimension: Dimension = None,
    disturbed: Disturbed = False,
    seconds: Seconds = None,
    runs: Runs = 1,
    quick: Quick = False,
    baseline: Baselines = None,
    rerun: Rerun = False,
    bare: Bare = False,
    sweep: SweepFlag = None,
    stage: Stage = None,
    quality: Quality = False,
    queries: Queries = 2500,
    soak: Soak = None,
    as_json: Json = False,
    save: Save = None,
    against: Against = None,
    threshold: Threshold = "10%",
    html: Html = None,
) -> int:
    """Measure how fast pulse is, and find the bottleneck.

    Runs the real pipeline in a process of its own against simulated services (an embedding
    server as fast as an L4, an H100 or a CPU, and a Qdrant), or with --live against yours.
    Reports rates, CPU, memory, how busy the embedder was, and which stage is the bottleneck.
    A corpus too small for the time is repeated under other URLs.

    Examples:
    pulse bench
    pulse bench --corpus crawl.jsonl --profile l4 --profile original --baseline sequential
    pulse bench --live --tei http://localhost:8080 --qdrant http://localhost:6333
    pulse bench --profile l4 --sweep concurrency=1,2,4,8,16 --html sweep.html
    pulse bench --save before.json; pulse bench --against before.json
    pulse bench --stage prepare --corpus crawl.jsonl
    pulse bench --quality --corpus crawl.jsonl
    """
    from pulse_cli.bench.command import BenchOptions
    from pulse_cli.bench.command import bench as run
    from pulse_cli.bench.measure import Plan
    from pulse_cli.cli.outputs import check_outputs, is_plots, is_report
    from pulse_cli.cli.progress import Verbosity, watching

    reports = ((save, is_report), (html, is_plots))
    check_outputs({path: kind for path, kind in reports if path is not None}, corpus or ())
    plan = Plan(
        runs=runs,
        warm_up=not quick,
        disturbed=disturbed,
        bare=bare,
        rerun=rerun,
        baselines=_baselines(baseline or ()),
        baseline_s=1.0 if quick else 20.0,
    )
    wishes = BenchOptions(
        corpus=tuple(corpus or ()),
        documents=documents,
        chars=chars,
        seed=seed,
        profiles=_profiles(profile or ["l4"]),
        live=live,
        seconds=seconds,
        quick=quick,
        dimension=dimension,
        plan=plan,
        sweep=_sweep(sweep),
        stage=_stage(stage),
        quality=quality,
        queries=queries,
        soak_s=None if soak is None else 60 * soak,
        save=save,
        against=against,
        threshold=_threshold(threshold),
        html=html,
        as_json=as_json,
    )
    good = run(wishes, loaded, partial(watching, loaded.settings, Verbosity()))
    return Exit.OK if good else Exit.FATAL


def _usage(message: str) -> Fatal:
    return Fatal(message, hint="see `pulse bench --help`", kind=Kind.USAGE)


def _profiles(names: list[str]) -> tuple[str, ...]:
    from pulse_cli.simulators.profiles import PROFILES

    for name in names:
        if name not in PROFILES:
            raise _usage(f"--profile {name}: there is {', '.join(PROFILES)}")
    return tuple(dict.fromkeys(names))


def _baselines(names: Any) -> tuple[str, ...]:
    from pulse_cli.bench.baseline import in_flight_of

    for name in names:
        try:
            in_flight_of(name)
        except ValueError as error:
            raise _usage(f"--baseline {error}") from error
    return tuple(dict.fromkeys(names))


def _sweep(text: str | None) -> Sweep | None:
    if text is None:
        return None
    from pulse_cli.bench.sweep import parse_sweep

    return parse_sweep(text)


def _stage(name: str | None) -> str | None:
    from pulse_cli.bench.stages import STAGES

    if name is not None and name not in STAGES:
        raise _usage(f"--stage {name}: there is {', '.join(STAGES)}")
    return name


def _threshold(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if value < 0:
        raise _usage(f"--threshold {text}: expected a share such as 10%")
    return value
