"""Where real commands are tortured: services that outlive them, and stores to look into."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import Profile, QdrantModel, Slots, TeiModel
from tests.torture.commands import Ended, Running, Zygote
from tests.torture.corpus import POISON
from tests.torture.edge_world import records_in
from tests.torture.world import NOT_COMPARED, Left, comparable, letters_in

STORES = ("edge", "qdrant")
PROFILE = Profile(
    "torture",
    TeiModel(Slots(2, 0.01), dimension=16),
    QdrantModel(upsert_s=0.002, slots=4),
)
POISONED = Fault(
    "status",
    path="/embed",
    marker=POISON,
    status=422,
    body=json.dumps({"error": "bad input", "error_type": "Validation"}),
)


class Bench:
    """`tei` refuses poison; each `Machine` gets a collection of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.zygote = self._stack.enter_context(Zygote())
        self.tei = self._stack.enter_context(SpawnedSimulator("tei", PROFILE))
        self.qdrant = self._stack.enter_context(
            SpawnedSimulator("qdrant", PROFILE, folder=self.folder / "qdrant")
        )
        self.calm()
        return self

    def __exit__(self, *error: Any) -> None:
        self.qdrant.kill()  # nobody needs what it would flush
        self._stack.close()

    def calm(self) -> None:
        """No faults but the poison."""
        self.tei.set_faults([POISONED])
        self.qdrant.set_faults([])

    def machine(self, store: str, source: Path) -> Machine:
        return Machine(self, store, source, f"m{next(self._numbers)}")


class Machine:
    """One source, one collection, one state folder."""

    def __init__(self, bench: Bench, store: str, source: Path, name: str) -> None:
        self.bench = bench
        self.source = source
        self.folder = bench.folder / name
        self.state = self.folder / "state"
        self._store = store
        self._name = name

    def start(
        self,
        *more: str,
        die_at: tuple[str, int] | None = None,
        hurt_at: tuple[str, int, int] | None = None,
        environment: Mapping[str, str] | None = None,
        watched: bool = False,
    ) -> Running:
        environment = {"PULSE_CHUNK__MAX_TOKENS": "32", **(environment or {})}
        args = [*self.args(), *more]
        hurt = (*hurt_at, str(self.collection)) if hurt_at else None
        how: dict[str, Any] = {"die_at": die_at, "hurt_at": hurt, "watched": watched}
        return self.bench.zygote.start(self.folder, args, environment=environment, **how)

    def run(self, *more: str, **how: Any) -> Ended:
        return self.start(*more, **how).wait()

    def args(self) -> Sequence[str]:
        store = self.bench.qdrant.url if self._store == "qdrant" else str(self.folder)
        return [
            *("index", str(self.source), "--tei", self.bench.tei.url),
            *("--qdrant", store, "--collection", self._name),
            *("--state-dir", str(self.state), "--json", "--progress", "none", "--max-dead", "100%"),
        ]

    @property
    def collection(self) -> Path:
        """The folder of an embedded collection."""
        return self.folder / self._name

    @property
    def checkpoint(self) -> Path:
        (found,) = self.state.glob("*.ckpt.json")
        return found

    def finished(self) -> dict[str, Any] | None:
        """The checkpoint if it says that the run is complete."""
        if not list(self.state.glob("*.ckpt.json")):
            return None
        state = CheckpointFile(self.checkpoint).load()
        return state if state is not None and state["complete"] else None

    def left(self, *, exact: bool = True) -> Left:
        state = self.finished()
        assert state is not None, "the run did not complete"
        stem = self.checkpoint.name.removesuffix(".ckpt.json")
        letters = letters_in(self.state / f"{stem}-{state['run_id']}.dead.jsonl")
        return Left(self.points(), letters, comparable(state["counts"], exact=exact))

    def points(self) -> dict[str, Any]:
        """Everything in the store but what may differ between equal runs."""
        read = self._from_server if self._store == "qdrant" else self._from_shard
        return {
            str(record["id"]): {
                "payload": {k: v for k, v in record["payload"].items() if k not in NOT_COMPARED},
                "vectors": record["vector"],
            }
            for record in read()
        }

    def _from_server(self) -> list[dict[str, Any]]:
        url = f"{self.bench.qdrant.url}/collections/{self._name}/points/scroll"
        body = {"limit": 100_000, "with_payload": True, "with_vector": True}
        answer = httpx.post(url, json=body, trust_env=False, timeout=60)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["result"]["points"]
        return found

    def _from_shard(self) -> list[dict[str, Any]]:
        return records_in(self.collection)
