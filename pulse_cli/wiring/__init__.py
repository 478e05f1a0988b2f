"""The composition root: makes the parts of a run from the settings, each costly one once.

Nothing is made before it is needed, so `search --mode bm25` loads no model and a dry run uses no
service. Everything is closed on leaving the context, also after an error. At the start, a service
that is not up has 10 s, or run.give_up_after if that is set. Then the command ends, and can be
started again later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.threads import Threads
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import Message
from pulse_cli.ports import (
    Clock,
    Embedder,
    Observer,
    Preparer,
    RunInThread,
    Source,
    Store,
)
from pulse_cli.wiring.adapters import (
    new_catalog,
    new_reranker,
    new_store,
    open_embedder,
    open_sources,
    read_options,
    secret,
    with_user_info,
)
from pulse_cli.wiring.cores import cores
from pulse_cli.wiring.counting import counter_for, preparer_alone, preparer_of
from pulse_cli.wiring.patience import patiently
from pulse_cli.wiring.targets import (
    bm25_folder,
    edge_folder,
    is_server,
    target_name,
    target_of,
)

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.model import Filter, Hit, Input
    from pulse_cli.read import ReadOptions
    from pulse_cli.read.bytes.inputs import Found
    from pulse_cli.read.pieces import Piece
    from pulse_cli.read.source import InputSource
    from pulse_cli.search.candidates import Keyword
    from pulse_cli.search.rerank import Reranker
    from pulse_cli.store.rank_bm25.view import Bm25View
    from pulse_cli.wiring.stored_documents import StoredDocuments

__all__ = [
    "Services",
    "bm25_folder",
    "cores",
    "edge_folder",
    "is_server",
    "new_catalog",
    "secret",
    "target_name",
    "target_of",
    "with_user_info",
]

T = TypeVar("T")

START_SECONDS = 10.0


class Services:
    """`async with Services(settings, observer) as services`. See the module docstring."""

    def __init__(
        self,
        settings: Settings,
        observer: Observer,
        clock: Clock | None = None,
        *,
        patience: float | None = None,
        wrap_embedder: Callable[[Embedder], Embedder] = lambda embedder: embedder,
        follow_up_to: int | None = None,
    ) -> None:
        """`patience`: seconds to wait for a service that is not up; by default run.give_up_after
        if that was set, else 10.

        `wrap_embedder` gets the embedder and returns the one that is used. `follow_up_to`: as in
        `ReadOptions`.
        """
        self.settings = settings
        said = "give_up_after" in settings.run.model_fields_set
        self._cut = said and patience is None
        self._patience = patience or (settings.run.give_up_after if said else START_SECONDS)
        self._wrap_embedder = wrap_embedder
        self._follow_up_to = follow_up_to
        self._observer = observer
        self._clock = clock or SystemClock()
        self._threads = Threads(1)
        self._embedder: Embedder | None = None
        self._opened_embedder: Embedder | None = None
        self._store: Store | None = None
        self._preparer: Preparer | None = None
        self._view: Bm25View | None = None
        self._reranker: Reranker | None = None
        self._stored: StoredDocuments | None = None

    async def __aenter__(self) -> Services:
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self._view is not None:
                await self._threads(self._view.close)
            if self._stored is not None:
                await self._stored.close()
            if self._store is not None:
                await self._store.close()
        finally:
            if self._embedder is not None:
                await self._embedder.close()
            if self._reranker is not None:
                await self._reranker.close()
            self._threads.__exit__()

    async def embedder(self) -> Embedder:
        """The embedder, opened. Raises Fatal."""
        if self._embedder is None:
            self._opened_embedder = await self._open_embedder()
            self._embedder = self._wrap_embedder(self._opened_embedder)
        return self._embedder

    async def _open_embedder(self) -> Embedder:
        if self.settings.embed.url == "local":
            return await open_embedder(self.settings, self._threads)
        return await self.patiently(
            "the embedder", lambda: open_embedder(self.settings, self._threads)
        )

    async def preparer(self) -> Preparer:
        """The preparer, whose chunks fit the embedder and are counted as it counts."""
        if self._preparer is None:
            embedder = await self.embedder()
            self._warn_of_prefixes(embedder.model)
            counting = self._opened_embedder or embedder
            counter = await counter_for(self.settings, counting, self.patiently, self._say)
            self._preparer = preparer_of(
                self.settings,
                self._say,
                counter,
                embedder.limits.max_tokens,
                embedder.model,
                embedder.dimension,
            )
        return self._preparer

    def preparer_alone(self) -> Preparer:
        """A preparer that uses no service, for a dry run."""
        return preparer_alone(self.settings, self._say)

    async def store(self, dimension: int, *, create: bool = True) -> Store:
        """The collection, opened; dimension 0 takes what is there. Raises Fatal."""
        if self._store is None:
            self._store = new_store(self.settings, create=create)
            store = self._store
            await self.patiently("the store", lambda: store.open(dimension))
        return self._store

    async def rebuild_bm25(self, store: Store) -> int:
        """Make the rank-bm25 view from an open store. Returns its pages. Raises Fatal."""
        import sqlite3

        from pulse_cli.store.rank_bm25.build import rebuild

        folder = bm25_folder(self.settings)
        try:
            return await self.patiently("the store", lambda: rebuild(store, folder, self._threads))
        except (OSError, sqlite3.Error) as error:
            raise Fatal(
                f"the rank-bm25 view in {folder} cannot be written: {error}",
                hint="make room or check its permissions, then run `pulse bm25 rebuild`",
                kind=Kind.BM25_VIEW,
            ) from error

    async def bm25_view(self) -> Bm25View:
        """The rank-bm25 view, opened. Raises Fatal where there is none."""
        if self._view is None:
            from pulse_cli.store.rank_bm25.view import Bm25View

            self._view = await self._threads(Bm25View, bm25_folder(self.settings))
        return self._view

    def reranker(self) -> Reranker | None:
        """The reranker, if one is set. Raises Fatal."""
        if self._reranker is None:
            self._reranker = new_reranker(self.settings)
        return self._reranker

    async def keyword(self) -> Keyword | None:
        """The search by words that replaces that of the store, if bm25.engine says so."""
        if self.settings.bm25.engine != "rank-bm25":
            return None
        view = await self.bm25_view()

        async def ask(query: str, limit: int, where: Filter) -> list[Hit]:
            return await self._threads(view.search, query, limit, where)

        return ask

    async def open_source(
        self,
        sources: Sequence[str],
        manifest: Sequence[Input] | None,
        addresses: Mapping[str, str] = MappingProxyType({}),
    ) -> Source:
        """The sources as they are now, or the inputs of a run to be resumed. Raises Fatal.

        `addresses`: see `read.ObjectOptions`.
        """
        self._find_stored(sources)
        options = read_options(self.settings, self._stored, addresses)
        options = replace(options, follow_up_to=self._follow_up_to)
        found = await self._objects(sources, options)
        return open_sources(sources, manifest, options, found)

    async def open_pieces(
        self,
        sources: Sequence[str],
        pieces: Sequence[Piece],
        addresses: Mapping[str, str] = MappingProxyType({}),
    ) -> InputSource:
        """Pieces of the inputs of `sources`, which are those of a whole run."""
        from pulse_cli.read.open_source import open_pieces

        self._find_stored(piece.name for piece in pieces)
        options = read_options(self.settings, self._stored, addresses)
        return open_pieces(sources, options, pieces)

    def _find_stored(self, names: Iterable[str]) -> None:
        """Make the reader of stored documents, if one of the inputs is an index."""
        if self._stored is None and any(name.startswith("index:") for name in names):
            from pulse_cli.wiring.stored_documents import StoredDocuments

            self._stored = StoredDocuments(self.settings, self.patiently)

    async def _objects(self, sources: Sequence[str], options: ReadOptions) -> dict[str, Found]:
        """The objects at the addresses among the sources."""
        from pulse_cli.read import find_objects
        from pulse_cli.read.objects.address import is_object

        found: dict[str, Found] = {}
        for spec in filter(is_object, sources):
            look = partial(self._threads, find_objects, [spec], options)
            found |= await self.patiently(spec, look)
        return found

    async def check(self, source: Source) -> None:
        """Check that remote inputs are available. Raises Fatal."""
        await self.patiently("Firecrawl", lambda: self._threads(source.check))

    @property
    def run_in_thread(self) -> RunInThread:
        """A single thread, for objects that must be opened and used in the same one."""
        return self._threads

    async def patiently(
        self, what: str, call: Callable[[], Awaitable[T]], seconds: float | None = None
    ) -> T:
        """Repeat a call until the service answers or the time is up. Then raises Unavailable."""
        return await patiently(
            what,
            call,
            seconds=self._patience if seconds is None else seconds,
            cut=self._cut,
            clock=self._clock,
            observer=self._observer,
        )

    def _warn_of_prefixes(self, model: str) -> None:
        """Warn once, before anything is embedded with the wrong prefixes."""
        from pulse_cli.embed.prefixes import prefix_mismatches

        mine = self.settings.embed
        if wrong := prefix_mismatches(model, mine.document_prefix, mine.query_prefix):
            text = f"{model} was trained with other prefixes; better: {', '.join(wrong)}"
            self._observer.on(Message("warning", text))

    def _say(self, text: str) -> None:
        self._observer.on(Message("info", text))
