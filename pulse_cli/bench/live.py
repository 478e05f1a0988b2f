"""A measurement of the services that are configured, in a collection that is thrown away.

The collection has a name that nobody else uses and is removed however the measurement ends:
complete, with an error, or by a signal (which reaches Python as an exception).
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.bench.corpus import Corpus, repeated
from pulse_cli.bench.measure import WARM_UP_SECONDS, Plan, Say, passes
from pulse_cli.bench.numbers import figures_of
from pulse_cli.bench.recording import Task, run_once
from pulse_cli.bench.report import Measured
from pulse_cli.errors import Fatal, Kind
from pulse_cli.net.address import Address
from pulse_cli.net.blocking import connection
from pulse_cli.net.client import Client
from pulse_cli.store.qdrant.rest import QDRANT
from pulse_cli.wiring import is_server, secret, with_user_info

if TYPE_CHECKING:
    from pulse_cli.config import Loaded, Settings

PREFIX = "pulse_bench_"


def measure_live(loaded: Loaded, corpus: Corpus, plan: Plan, say: Say) -> Measured:
    """Measure the configured services. Raises Fatal where a run fails."""
    settings = loaded.settings
    with tempfile.TemporaryDirectory(prefix="pulse-bench-") as name:
        folder = Path(name)
        sized = corpus
        if plan.seconds:
            say("live: warming up")
            task = _task(loaded, corpus, plan, folder / "warm-up", WARM_UP_SECONDS)
            with thrown_away(settings, task):
                run = figures_of(run_once(task))
            sized = repeated(corpus, folder, passes(corpus, run, plan.seconds))
        recordings = []
        for number in range(1, plan.runs + 1):
            say(f"live: run {number} of {plan.runs}")
            task = _task(loaded, sized, plan, folder / f"run-{number}", plan.seconds)
            with thrown_away(settings, task):
                recordings.append(run_once(task))
        return Measured(
            name="live",
            runs=tuple(figures_of(recording) for recording in recordings),
            recordings=tuple(recordings),
            settings=plan.settings,
            notes=tuple(
                dict.fromkeys(note for recording in recordings for note in recording.notes)
            ),
        )


def _task(loaded: Loaded, corpus: Corpus, plan: Plan, folder: Path, seconds: float) -> Task:
    folder.mkdir()
    own: dict[str, Any] = {"qdrant.collection": PREFIX + secrets.token_hex(6)}
    if not is_server(loaded.settings.qdrant.url):
        own["qdrant.url"] = str(folder / "store")
    return Task(
        sources=corpus.sources,
        folder=folder,
        settings={**_flags(loaded), **plan.settings, **own},
        seconds=seconds,
        own=True,
        config=loaded.file,
    )


def _flags(loaded: Loaded) -> dict[str, Any]:
    """The settings of our own command line, which the child cannot see (no secret is a flag)."""
    chosen = loaded.settings.model_dump(mode="json")
    found = {}
    for name, origin in loaded.origins.items():
        if origin.startswith("--"):
            section, _, key = name.partition(".")
            found[name] = chosen[section][key] if key else chosen[section]
    return found


@contextmanager
def thrown_away(settings: Settings, task: Task) -> Iterator[None]:
    """Remove the collection of `task` from the server, come what may.

    That of a folder goes with the folder.
    """
    try:
        yield
    finally:
        if is_server(settings.qdrant.url):
            _drop(settings, task.settings["qdrant.collection"])


def _drop(settings: Settings, collection: str) -> None:
    qdrant = settings.qdrant
    assert qdrant.url is not None
    assert collection.startswith(PREFIX)
    address = Address.parse(
        with_user_info(qdrant.url, qdrant.basic_auth), QDRANT, secret(qdrant.api_key)
    )
    trust_env = settings.network.trust_env
    with connection(lambda: Client(address, timeout=60, trust_env=trust_env)) as ask:
        answer = ask("DELETE", f"/collections/{collection}")
    if answer.status not in (200, 404):
        raise Fatal(
            f"{address.shown} does not remove the collection {collection}: {answer.described()}",
            hint="remove it by hand",
            kind=Kind.BENCH,
        )
