"""The pipeline without token counts and BM25: reading, run state, requests and writes alone.

Texts are cut every 2,000 characters, 200 of them repeated, as simple loops cut them. Everything
else is the pipeline's own. A mode of measurement: what it writes cannot be found by words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.engine import (
    RunDependencies,
    RunOptions,
    Stop,
    SystemClock,
    hold_locks,
    index,
    state_files,
)
from pulse_cli.model import Chunk, Document, Identity, Prepared, Section
from pulse_cli.ports import Observer, Preparer
from pulse_cli.wiring import Services, cores, target_of

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.events import Summary

WIDTH, STEP = 2000, 1800
_TOKENS = WIDTH // 4


class BarePreparer:
    """A `ports.Preparer` that identifies as another one does and cuts by characters."""

    def __init__(self, full: Preparer) -> None:
        self._full = full

    @property
    def rev(self) -> str:
        return "bare"

    @property
    def fingerprint(self) -> Mapping[str, str | int | float]:
        return {"preparer": "bare"}

    @property
    def chunk_tokens(self) -> int:
        return _TOKENS

    def key(self, url: str) -> str:
        return self._full.key(url)

    def identify(self, document: Document) -> Identity:
        return self._full.identify(document)

    def prepare(self, documents: Sequence[tuple[Document, Identity]]) -> list[Prepared]:
        return [_prepared(document, identity) for document, identity in documents]

    def chunks(self, prepared: Sequence[Prepared], start: int, stop: int) -> list[list[Chunk]]:
        from pulse_cli.prepare.preparer import chunk_of

        return [
            [
                chunk_of(one, number, text, text, "")
                for number in range(start, min(stop, len(one.starts)))
                for text in [one.text[one.starts[number] : one.ends[number]]]
            ]
            for one in prepared
        ]


def _prepared(document: Document, identity: Identity) -> Prepared:
    text = document.text.strip()
    starts = [0, *range(STEP, max(len(text) - (WIDTH - STEP), 0), STEP)] if text else []
    ends = [min(start + WIDTH, len(text)) for start in starts]
    return Prepared(
        document, identity, text, starts, ends, [_TOKENS] * len(starts), [Section()] * len(starts)
    )


async def index_bare(
    settings: Settings, sources: Sequence[str], command: str, observer: Observer, stop: Stop
) -> Summary:
    """Index with a `BarePreparer`. Raises Fatal."""
    async with Services(settings, observer) as services:
        embedder = await services.embedder()
        parts = RunDependencies(
            open_source=partial(services.open_source, sources),
            preparer=BarePreparer(await services.preparer()),
            embedder=embedder,
            store=await services.store(embedder.dimension),
            observer=observer,
            clock=SystemClock(),
            stop=stop,
        )
        target = target_of(settings, embedder.dimension)
        files = state_files(settings.state_folder, sources, target.collection)
        options = RunOptions(
            sources=tuple(sources),
            target=target,
            command=command,
            fingerprint={},
            threads=cores(),
            concurrency=settings.run.concurrency,
        )
        async with hold_locks(files, files.folder, 0.0, parts.clock):
            return await index(parts, files, options)
