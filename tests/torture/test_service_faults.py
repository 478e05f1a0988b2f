"""Whole runs over services that fail in every way they can, over real TCP.

Whatever heals while a run waits must not be seen in what it leaves; whatever blames one text
costs that page only; whatever no waiting mends stops the run with a message and an exit
code, and the next start goes on.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_cli.app.index import Job, index_sources
from pulse_cli.cli.exit_codes import Exit, exit_of_run
from pulse_cli.config import Settings
from pulse_cli.engine import Stop
from pulse_cli.errors import Kind
from pulse_cli.events import NullObserver, Summary
from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece
from tests.torture.corpus import page
from tests.torture.world import NOT_COMPARED, FastClock

PAGES = 40
MARKED = "extraordinary"  # a word of one page
NEVER_MATTERS = 60.0
NEVER_ENDS = {"hang", "drip"}  # faults that only a timeout ends
EMBED: dict[str, Any] = {"path": "/embed", "first": 1}
UPSERT: dict[str, Any] = {"path": "/collections/c/points", "method": "PUT"}


@dataclass
class Place:
    """Services, a source, and the settings of a run over them."""

    tei: Simulator
    qdrant: Simulator
    folder: Path
    timeout: float  # seconds of one request

    async def run(self, **run: Any) -> Summary:
        settings = Settings.model_validate(
            {
                "state_dir": str(self.folder / "state"),
                "embed": {"url": self.tei.url, "timeout": self.timeout, "batch": 4},
                "qdrant": {"url": self.qdrant.url, "collection": "c", "timeout": self.timeout},
                "chunk": {"max_tokens": 32},
                "run": {"give_up_after": 600.0, "max_dead": "100%", **run},
            }
        )
        job = Job((str(self.folder / "pages.jsonl"),), "pulse index pages.jsonl")
        async with asyncio.timeout(NEVER_MATTERS):
            return await index_sources(settings, job, NullObserver(), Stop(), FastClock())

    async def points(self) -> dict[str, Any]:
        """What the store holds, told by a server whose faults are over."""
        self.qdrant.faults.set()
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self.qdrant.url}/collections/c/points/scroll",
                json={"limit": 10_000, "with_vector": True, "with_payload": True},
            )
        return {
            one["id"]: (
                {k: v for k, v in one["payload"].items() if k not in NOT_COMPARED},
                one["vector"],
            )
            for one in answer.json()["result"]["points"]
        }


@pytest.fixture(scope="session")
def wordpiece() -> WordPiece:
    return WordPiece(vendored_tokenizer())


@pytest.fixture
def place(tmp_path: Path, wordpiece: WordPiece) -> Any:
    """`async with place(tei=faults, qdrant=faults)`: fields of the model may be changed."""
    rng = random.Random(77)
    pages = [page(rng, f"https://site.example/{n}") for n in range(PAGES)]
    pages[17].paragraphs.append(f"{MARKED} {' '.join(pages[17].paragraphs)[:60]}")
    (tmp_path / "pages.jsonl").write_bytes(b"\n".join(one.line() for one in pages))

    @asynccontextmanager
    async def made(
        *,
        tei: Sequence[Fault] = (),
        qdrant: Sequence[Fault] = (),
        model: dict[str, Any] | None = None,
    ) -> AsyncIterator[Place]:
        model = {"dimension": 16, **(model or {})}
        embedder = TeiService(replace(PROFILES["instant"].tei, **model), wordpiece)
        store = QdrantService(tmp_path / "qdrant")
        async with (
            serving(embedder, faults=tei) as tei_up,
            serving(store, faults=qdrant) as qdrant_up,
        ):
            short = NEVER_ENDS & {fault.kind for fault in (*tei, *qdrant)}
            yield Place(tei_up, qdrant_up, tmp_path, 1.0 if short else NEVER_MATTERS)
        store.close()

    return made


def assert_all_is_there(summary: Summary, points: dict[str, Any], *, dead: int = 0) -> None:
    assert summary.error is None
    assert summary.status == "complete"
    assert summary.counts.indexed == PAGES - dead
    assert sum(summary.counts.dead.values()) == dead
    assert len(points) == summary.counts.chunks
    for payload, vector in points.values():
        dense = vector.get("", vector)
        assert payload["content_hash"]
        assert len(dense) == 16
        assert 0.9 < sum(x * x for x in dense) < 1.1


ALIKE = {
    *(f"status {n}" for n in (403, 404, 405, 408, 415, 500, 502, 504)),
    *(f"429, Retry-After: {after}" for after in ("-5", "soon")),
    *(f"vectors: {kind}, now and then" for kind in ("more", "huge", "string", "mixed-dimension")),
    *("truncated-json", "reset before", "only acknowledged", "413, the body is too large"),
    *("401", "403", "no space", "redirected", "no embeddings", "200 with an error"),
}


def some(cases: Iterable[Any]) -> list[Any]:
    """Those much like another one run in the long tier only. A case is a name or ends with it."""
    return [
        pytest.param(*own, marks=pytest.mark.nightly) if own[-1] in ALIKE else case
        for case in cases
        for own in [case if isinstance(case, tuple) else (case,)]
    ]


def status(number: int, body: str = "", **more: Any) -> Fault:
    return Fault("status", status=number, body=body, **more)


def error(text: str, kind: str = "Validation") -> str:
    return json.dumps({"error": text, "error_type": kind})


SOON = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
RETRY_AFTER = {**{text: text for text in ("2", "-5", "86400", "soon")}, "a date": SOON}
TEI_HEALS: dict[str, list[Fault]] = {
    "a storm of 500 overloads": [status(429, error("Model is overloaded"), count=500, **EMBED)],
    **{
        f"429, Retry-After: {name}": [status(429, headers={"Retry-After": after}, count=3, **EMBED)]
        for name, after in RETRY_AFTER.items()
    },
    **{f"status {n}": [status(n, "", count=4, **EMBED)] for n in (408, 424, 500, 502, 503, 504)},
    "reset before": [Fault("reset", count=4, **EMBED)],
    "reset mid body": [Fault("reset", when="body", count=4, **EMBED)],
    "reset after": [Fault("reset", when="after", count=4, **EMBED)],
    "no answer": [Fault("hang", count=2, **EMBED)],
    "a drip": [Fault("drip", seconds=0.02, count=2, **EMBED)],
    "slow answers": [Fault("slow", seconds=0.05, rate=0.3, **EMBED)],
    **{
        kind: [Fault(kind, count=2, **EMBED)]
        for kind in ("invalid-json", "truncated-json", "html", "gzip-bomb")
    },
    **{
        f"vectors: {kind}, now and then": [Fault(kind, count=1, **EMBED)]
        for kind in ("fewer", "more", "null", "nan", "huge", "string", "zero", "mixed-dimension")
    },
    "a little of everything": [
        Fault("reset", rate=0.1, **EMBED),
        status(503, rate=0.1, **EMBED),
        status(429, rate=0.1, **EMBED),
        Fault("null", rate=0.05, **EMBED),
    ],
}


@pytest.mark.parametrize("name", some(TEI_HEALS))
async def test_an_embedder_that_recovers_leaves_no_trace(place: Any, name: str) -> None:
    async with place(tei=TEI_HEALS[name]) as here:
        summary = await here.run()
        assert_all_is_there(summary, await here.points())
        assert sum(here.tei.faults.fired) >= 1


WAITING = '{"result":{"operation_id":1,"status":"wait_timeout"},"status":"ok","time":0}'
ACKNOWLEDGED = WAITING.replace("wait_timeout", "acknowledged")
ONE_POINT = 1_500  # bytes of a request: more than any point here takes, less than any two
TOO_LARGE = '{"status":{"error":"JSON payload (9 bytes) is larger than allowed (limit: 8 bytes)."}}'
RATE = '{"status":{"error":"Rate limiting exceeded: Write rate limit exceeded, retry later"}}'
QDRANT_HEALS: dict[str, list[Fault]] = {
    **{f"status {n}": [status(n, "{}", count=4, **UPSERT)] for n in (408, 500, 502, 503, 504)},
    "500, please retry": [status(500, '{"status":{"error":"Please retry"}}', count=4, **UPSERT)],
    "408 after applying": [status(408, "{}", when="after", count=4, **UPSERT)],
    "reset before": [Fault("reset", count=4, **UPSERT)],
    "reset after applying": [Fault("reset", when="after", count=4, **UPSERT)],
    "reset mid answer": [Fault("reset", when="body", count=4, **UPSERT)],
    "429 and when to return": [status(429, RATE, headers={"Retry-After": "3"}, count=4, **UPSERT)],
    "429 without": [status(429, RATE, count=4, **UPSERT)],
    "no answer": [Fault("hang", count=2, **UPSERT)],
    "a drip": [Fault("drip", seconds=0.02, count=2, **UPSERT)],
    "not applied in time": [status(200, WAITING, when="after", count=3, **UPSERT)],
    "only acknowledged": [status(200, ACKNOWLEDGED, when="after", count=3, **UPSERT)],
    "200 with an error": [status(200, '{"status":{"error":"x"}}', count=3, **UPSERT)],
    "a proxy's page": [Fault("html", count=3, **UPSERT)],
    "400, the body is too large": [status(400, TOO_LARGE, over=ONE_POINT, **UPSERT)],
    "413, the body is too large": [status(413, TOO_LARGE, over=ONE_POINT, **UPSERT)],
    "reads fail": [status(503, "{}", path="/collections/c/points", method="POST", count=4)],
    "deletes fail": [status(503, "{}", path="/collections/c/points/delete", count=4)],
    "a little of everything": [
        Fault("reset", when="after", rate=0.5, path="/collections/c/points"),
        status(503, "{}", rate=0.5, path="/collections/c/points"),
        Fault("reset", rate=0.5, path="/collections/c/points"),
    ],
}


@pytest.mark.parametrize("name", some(QDRANT_HEALS))
async def test_a_store_that_recovers_leaves_no_trace(place: Any, name: str) -> None:
    async with place(qdrant=QDRANT_HEALS[name]) as here:
        summary = await here.run()
        fired = sum(here.qdrant.faults.fired)
        assert_all_is_there(summary, await here.points())
        assert fired >= 1


@pytest.mark.parametrize("version", ["1.8.3", "1.9.3"])
@pytest.mark.parametrize("hidden", [False, True])
async def test_limits_of_every_tei_are_found(place: Any, version: str, hidden: bool) -> None:
    """Batches of 4 and 8 permits; where /info is hidden, both must be found the hard way."""
    model = {"version": version, "max_client_batch_size": 4, "max_concurrent_requests": 8}
    faults = [status(404, path="/info")] if hidden else []
    async with place(tei=faults, model=model) as here:
        assert_all_is_there(await here.run(), await here.points())


BLAMED: dict[str, Fault] = {
    "refused": status(422, error("bad input"), path="/embed", marker=MARKED),
    "bad-vector": Fault("null", path="/embed", marker=MARKED),
    "embedding-failed": status(
        424, error("CUDA out of memory", "Backend"), path="/embed", marker=MARKED
    ),
}


@pytest.mark.parametrize("reason", BLAMED)
async def test_one_text_that_is_to_blame_costs_its_page_only(place: Any, reason: str) -> None:
    async with place(tei=[BLAMED[reason]]) as here:
        summary = await here.run()
        assert summary.counts.dead == {reason: 1}
        assert exit_of_run(summary) is Exit.DEAD_LETTERS
        assert_all_is_there(summary, await here.points(), dead=1)
        (letter,) = Path(summary.dead_letters or "").read_bytes().splitlines()
        assert json.loads(letter)["record"]["metadata"]["url"] == "https://site.example/17"
        assert json.loads(letter)["line"] == 18


async def test_one_point_that_is_to_blame_costs_its_page_only(place: Any) -> None:
    bad = '{"status":{"error":"Wrong input: payload"}}'
    async with place(qdrant=[status(400, bad, marker=MARKED, **UPSERT)]) as here:
        summary = await here.run()
        assert summary.counts.dead == {"store-rejected": 1}
        assert_all_is_there(summary, await here.points(), dead=1)


STORE_FAILS_AT: dict[str, Fault] = {
    "500 at a text": status(500, "{}", marker=MARKED, **UPSERT),
    "resets at a text": Fault("reset", marker=MARKED, **UPSERT),
    "500 at the last page": status(500, "{}", marker=f"example/{PAGES - 1}", **UPSERT),
}


@pytest.mark.parametrize("name", STORE_FAILS_AT)
async def test_a_point_that_the_store_only_ever_fails_at_costs_its_page_only(
    place: Any, name: str
) -> None:
    async with place(qdrant=[STORE_FAILS_AT[name]]) as here:
        summary = await here.run()
        assert summary.counts.dead == {"keeps-failing": 1}
        assert_all_is_there(summary, await here.points(), dead=1)


@pytest.mark.parametrize("number", [503, 424])
async def test_a_text_that_only_ever_fails_does_not_block_the_run(place: Any, number: int) -> None:
    """It is the only one left, so no other request shows that the server is well."""
    async with place(tei=[status(number, path="/embed", marker=MARKED)]) as here:
        summary = await here.run()
        assert summary.counts.dead == {"embedding-failed": 1}
        assert_all_is_there(summary, await here.points(), dead=1)


FATAL_TEI: dict[str, tuple[Fault, Kind, Exit]] = {
    "another dimension": (Fault("dimension", **EMBED), Kind.DIMENSION, Exit.FATAL),
    "redirected": (
        status(302, headers={"Location": "http://169.254.169.254/"}, **EMBED),
        Kind.REDIRECT,
        Exit.FATAL,
    ),
    **{
        f"status {n}": (status(n, "", **EMBED), kind, Exit.FATAL)
        for n, kind in {
            401: Kind.AUTH,
            403: Kind.AUTH,
            404: Kind.NOT_FOUND,
            405: Kind.REFUSED,
            415: Kind.REFUSED,
        }.items()
    },
    "no embeddings": (
        status(424, error("Model is not an embedding model", "Backend"), **EMBED),
        Kind.MODEL,
        Exit.FATAL,
    ),
}
FATAL_QDRANT: dict[str, tuple[Fault, Kind, Exit]] = {
    "another dimension": (
        status(400, '{"status":{"error":"Vector dimension error: expected 1, got 2"}}', **UPSERT),
        Kind.DIMENSION,
        Exit.FATAL,
    ),
    "401": (status(401, "no", **UPSERT), Kind.AUTH, Exit.FATAL),
    "403": (status(403, '{"status":{"error":"Forbidden"}}', **UPSERT), Kind.AUTH, Exit.FATAL),
    "dropped": (
        status(404, '{"status":{"error":"Not found: Collection `c` doesn\'t exist!"}}', **UPSERT),
        Kind.NOT_FOUND,
        Exit.FATAL,
    ),
    "redirected": (
        status(307, headers={"Location": "http://x/"}, **UPSERT),
        Kind.REDIRECT,
        Exit.FATAL,
    ),
    "507": (status(507, "{}", **UPSERT), Kind.DISK_FULL, Exit.UNAVAILABLE),
    "no space": (
        status(500, '{"status":{"error":"No space left on device: WAL"}}', **UPSERT),
        Kind.DISK_FULL,
        Exit.UNAVAILABLE,
    ),
}
FATAL = {("tei", name): how for name, how in FATAL_TEI.items()}
FATAL |= {("qdrant", name): how for name, how in FATAL_QDRANT.items()}


@pytest.mark.parametrize(("service", "name"), some(FATAL))
async def test_what_no_waiting_mends_stops_the_run_and_it_can_go_on(
    place: Any, service: str, name: str
) -> None:
    fault, kind, code = FATAL[service, name]
    async with place(**{service: [fault]}) as here:
        summary = await here.run()
        assert summary.error is not None
        assert (summary.error.kind, exit_of_run(summary)) == (kind, code)
        assert summary.error.hint
        assert summary.counts.dead == {}
        for simulator in (here.tei, here.qdrant):
            simulator.faults.set([])
        assert_all_is_there(await here.run(), await here.points())


_TEI_GONE = status(503, **EMBED)
_QDRANT_GONE = status(503, "{}", path="/collections/c/points")
DOWN: dict[str, dict[str, list[Fault]]] = {
    "tei": {"tei": [_TEI_GONE]},
    "qdrant": {"qdrant": [_QDRANT_GONE]},
    "both": {"tei": [_TEI_GONE], "qdrant": [_QDRANT_GONE]},
    "qdrant, for writes": {"qdrant": [status(500, "{}", **UPSERT)]},
}


@pytest.mark.parametrize("down", DOWN)
async def test_down_for_too_long_ends_resumably_without_dead_letters(place: Any, down: str) -> None:
    async with place(**DOWN[down]) as here:
        summary = await here.run(give_up_after=30.0)
        assert exit_of_run(summary) is Exit.UNAVAILABLE
        assert summary.error is not None
        assert summary.error.kind is Kind.UNAVAILABLE
        assert summary.counts.dead == {}
        assert summary.resume
        for simulator in (here.tei, here.qdrant):
            simulator.faults.set([])
        assert_all_is_there(await here.run(), await here.points())


async def test_services_that_are_killed_and_come_back_lose_nothing(place: Any) -> None:
    async with place() as here:
        running = asyncio.ensure_future(here.run())
        while not here.tei.stats()["inputs"] > 1:  # noqa: ASYNC110 - the simulator has no event
            await asyncio.sleep(0.005)
        for _ in range(4):
            await asyncio.sleep(0.02)
            for simulator in (here.tei, here.qdrant):
                await simulator.down()
                await asyncio.sleep(0.01)
                await simulator.up()
        assert_all_is_there(await running, await here.points())


async def test_too_many_dead_letters_stop_the_run(place: Any) -> None:
    async with place(tei=[status(422, error("no"), **EMBED)]) as here:
        summary = await here.run(max_dead="5")
        assert summary.error is not None
        assert summary.error.kind is Kind.TOO_MANY_DEAD
        assert exit_of_run(summary) is Exit.FATAL
        assert sum(summary.counts.dead.values()) == 6
