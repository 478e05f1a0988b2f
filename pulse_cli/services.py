"""The composition root: settings become the parts of a run, each costly thing built once.

Nothing is built before it is asked for, so `search --mode bm25` loads no model and a dry
run touches no service. Everything built is closed on leaving the context, also after an
error. Services that are not up yet get 10 s at the start; after that the run refuses with
exit 75 rather than wait unseen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import platformdirs
from pydantic import SecretStr

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.threads import Threads
from pulse_cli.errors import Exit, Fatal, Transient
from pulse_cli.events import Message, Target
from pulse_cli.ports import (
    Clock,
    Embedder,
    Observer,
    Preparer,
    RunInThread,
    Source,
    Store,
    TokenCounter,
)

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.embed.tei import TeiEmbedder
    from pulse_cli.model import Filter, Hit, Input
    from pulse_cli.search.hybrid import Keyword
    from pulse_cli.store.bm25 import Bm25View

T = TypeVar("T")

START_SECONDS = 10.0
LOCAL_MAX_TOKENS = 256
_STILL_GOOD = ("same", "longer")
INDEX_LOCK_SECONDS, SEARCH_LOCK_SECONDS = 30.0, 2.0


class Services:
    """`async with Services(settings, observer) as services`. See the module docstring."""

    def __init__(self, settings: Settings, observer: Observer, clock: Clock | None = None) -> None:
        self.settings = settings
        self._observer = observer
        self._clock = clock or SystemClock()
        self._threads = Threads(1)
        self._embedder: Embedder | None = None
        self._store: Store | None = None
        self._tei_counter: TokenCounter | None = None
        self._view: Bm25View | None = None

    async def __aenter__(self) -> Services:
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self._view is not None:
                await self._threads(self._view.close)
            if self._store is not None:
                await self._store.close()
        finally:
            if self._embedder is not None:
                await self._embedder.close()
            self._threads.__exit__()

    # --- embedder ----------------------------------------------------------

    async def embedder(self) -> Embedder:
        """Raises Fatal where it cannot be had."""
        if self._embedder is None:
            self._embedder = await self.patiently("the embedder", self._open_embedder)
        return self._embedder

    async def _open_embedder(self) -> Embedder:
        settings = self.settings.embed
        if settings.url == "local":
            from pulse_cli.embed.local import open_local
            from pulse_cli.prepare import vendored_tokenizer

            return await open_local(
                self._threads,
                tokenizer_json=vendored_tokenizer(),
                model_path=settings.model_path,
                document_prefix=settings.document_prefix,
                query_prefix=settings.query_prefix,
            )
        from pulse_cli.embed.openai import open_openai
        from pulse_cli.embed.tei import open_tei

        url = with_user_info(settings.url, settings.basic_auth)
        api_key = secret(settings.api_key)
        if settings.url.startswith("openai+"):
            return await open_openai(
                url,
                settings.model,
                api_key=api_key,
                timeout=settings.timeout,
                document_prefix=settings.document_prefix,
                query_prefix=settings.query_prefix,
                trust_env=self.settings.network.trust_env,
                batch=settings.batch,
            )
        return await open_tei(
            url,
            api_key=api_key,
            timeout=settings.timeout,
            document_prefix=settings.document_prefix,
            query_prefix=settings.query_prefix,
            trust_env=self.settings.network.trust_env,
            batch=settings.batch,
        )

    # --- preparer ----------------------------------------------------------

    async def preparer(self) -> Preparer:
        """Chunks as the embedder takes them, counted as it counts."""
        embedder = await self.embedder()
        counter = await self._counter(embedder)
        limit = embedder.limits.max_tokens
        return self._open_preparer(counter, limit, embedder.model, embedder.dimension)

    def preparer_alone(self) -> Preparer:
        """Chunks without asking any service: what a dry run can know."""
        limit = LOCAL_MAX_TOKENS if self.settings.embed.url == "local" else None
        named = self._named_counter()
        if named is None and limit is None:
            self._say(
                "tokens are counted by the tokenizer of all-MiniLM-L6-v2: an estimate;"
                " chunk.tokenizer names the model's own"
            )
        return self._open_preparer(named or self._vendored_counter(), limit, "", 0)

    def _open_preparer(
        self, counter: TokenCounter, limit: int | None, model: str, dimension: int
    ) -> Preparer:
        from pulse_cli.prepare import PrepareOptions, open_preparer

        chunk, bm25 = self.settings.chunk, self.settings.bm25
        most, overlap = chunk.max_tokens, chunk.overlap_tokens
        if limit is not None and limit < most:
            most, overlap = limit, overlap * limit // most
            self._say(
                f"chunks are {most} tokens with {overlap} of overlap: the model takes no more"
                f" ({chunk.max_tokens} with {chunk.overlap_tokens} were asked for)"
            )
        try:
            return open_preparer(
                PrepareOptions(
                    max_tokens=most,
                    overlap_tokens=overlap,
                    document_prefix=self.settings.embed.document_prefix,
                    model=model,
                    dimension=dimension,
                    bm25_language=bm25.language,
                    bm25_k=bm25.k,
                    bm25_b=bm25.b,
                    bm25_avg_len=bm25.avg_len,
                ),
                counter,
            )
        except ValueError as error:
            raise Fatal(
                str(error), hint="change chunk.* or bm25.language", kind="config"
            ) from error

    async def _counter(self, embedder: Embedder) -> TokenCounter:
        """The tokenizer named, else the vendored one where it counts as the server does."""
        named = self._named_counter()
        if named is not None:
            return named
        vendored = self._vendored_counter()
        if self.settings.embed.url == "local":
            return vendored
        if self.settings.embed.url.startswith("openai+"):
            self._say(
                "tokens are counted by the tokenizer of all-MiniLM-L6-v2, which may not be"
                " the model's; chunk.tokenizer names another"
            )
            return vendored
        return await self._counter_of_tei(embedder, vendored)

    async def _counter_of_tei(self, embedder: Embedder, vendored: TokenCounter) -> TokenCounter:
        from pulse_cli.embed.tei import TeiEmbedder
        from pulse_cli.embed.tei_tokenizer import TeiTokenizer, same_counts
        from pulse_cli.prepare import HARD_SAMPLE

        assert isinstance(embedder, TeiEmbedder)
        tei: TeiEmbedder = embedder
        counts = vendored.count(HARD_SAMPLE)
        if await self.patiently("the embedder", lambda: same_counts(tei, HARD_SAMPLE, counts)):
            return vendored
        if self._tei_counter is None:
            self._tei_counter = TeiTokenizer(tei, trust_env=self.settings.network.trust_env)
            self._say(
                f"tokens are counted by the server ({tei.model} has a tokenizer of its own);"
                f" `--set chunk.tokenizer=hub:{tei.model}` counts them here, much faster"
            )
        return self._tei_counter

    def _named_counter(self) -> TokenCounter | None:
        named = self.settings.chunk.tokenizer
        if named is None:
            return None
        from pulse_cli.prepare import open_counter

        try:
            counter, note = open_counter(_read_tokenizer(named))
        except (OSError, ValueError) as error:
            raise Fatal(
                f"chunk.tokenizer: {named}: {error}",
                hint="name a tokenizer.json, or hub:ORGANISATION/MODEL",
                kind="config",
                exit_code=Exit.USAGE,
            ) from error
        if note:
            self._say(note)
        return counter

    def _vendored_counter(self) -> TokenCounter:
        from pulse_cli.prepare import open_counter, vendored_tokenizer

        counter, note = open_counter(vendored_tokenizer())
        if note:
            self._say(note)
        return counter

    # --- store -------------------------------------------------------------

    async def store(self, dimension: int, *, create: bool = True) -> Store:
        """The collection, opened; dimension 0 takes what is there. Raises Fatal."""
        if self._store is None:
            self._store = self._new_store(create=create)
            store = self._store
            await self.patiently("the store", lambda: store.open(dimension))
        return self._store

    def _new_store(self, *, create: bool) -> Store:
        settings = self.settings.qdrant
        if is_server(settings.url):
            from pulse_cli.store.collection import CollectionOptions
            from pulse_cli.store.qdrant import open_qdrant

            assert settings.url is not None
            return open_qdrant(
                with_user_info(settings.url, settings.basic_auth),
                settings.collection,
                api_key=secret(settings.api_key),
                timeout=settings.timeout,
                trust_env=self.settings.network.trust_env,
                create=create,
                options=CollectionOptions(
                    on_disk=settings.on_disk, int8=settings.quantization == "int8"
                ),
            )
        from pulse_cli.store.edge import open_edge

        wait = INDEX_LOCK_SECONDS if create else SEARCH_LOCK_SECONDS
        folder = edge_folder(self.settings)
        return open_edge(folder, settings.collection, create=create, lock_wait=wait)

    async def rebuild_bm25(self, store: Store) -> int:
        """Make the rank-bm25 view anew from an open store; its number of pages. Raises Fatal."""
        import sqlite3

        from pulse_cli.store.bm25_build import rebuild

        folder = bm25_folder(self.settings)
        try:
            return await self.patiently("the store", lambda: rebuild(store, folder, self._threads))
        except (OSError, sqlite3.Error) as error:
            raise Fatal(
                f"the rank-bm25 view in {folder} cannot be written: {error}",
                hint="make room or check its permissions, then run `pulse bm25 rebuild`",
                kind="bm25-view",
            ) from error

    async def bm25_view(self) -> Bm25View:
        """The rank-bm25 view, opened. Raises Fatal where there is none."""
        if self._view is None:
            from pulse_cli.store.bm25 import Bm25View

            self._view = await self._threads(Bm25View, bm25_folder(self.settings))
        return self._view

    async def keyword(self) -> Keyword | None:
        """What `search` asks for words in place of the store, where bm25.engine says so."""
        if self.settings.bm25.engine != "rank-bm25":
            return None
        view = await self.bm25_view()

        async def ask(query: str, limit: int, where: Filter) -> list[Hit]:
            return await self._threads(view.search, query, limit, where)

        return ask

    # --- sources -----------------------------------------------------------

    def open_source(self, sources: Sequence[str], manifest: Sequence[Input] | None) -> Source:
        """The sources as they are now, or the inputs of a run to be resumed. Raises Fatal."""
        from pulse_cli.read import ReadOptions, open_source

        if manifest is not None:
            _refuse_changed_inputs(manifest)

        source = self.settings.source
        options = ReadOptions(
            max_record=source.max_record,
            field_map=source.map,
            include=source.include,
            exclude=source.exclude,
            min_chars=source.min_chars,
            include_errors=source.include_errors,
            max_expanded=source.max_expanded,
            base_url=source.base_url,
            firecrawl_url=self.settings.firecrawl.url,
            firecrawl_api_key=secret(self.settings.firecrawl.api_key),
            trust_env=self.settings.network.trust_env,
        )
        return open_source(sources, options, manifest)

    # --- shared ------------------------------------------------------------

    @property
    def run_in_thread(self) -> RunInThread:
        """One thread, so that what must stay in one may be opened and used in it."""
        return self._threads

    async def patiently(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """Call until it answers, for at most 10 s."""
        began = self._clock.monotonic()
        delay = 0.25
        while True:
            try:
                return await call()
            except Transient as error:
                if self._clock.monotonic() - began + delay > START_SECONDS:
                    raise Fatal(
                        f"{what} does not answer: {error}",
                        hint="start it, or check its address; `pulse doctor` checks everything",
                        kind="unavailable",
                        exit_code=Exit.UNAVAILABLE,
                    ) from error
            await self._clock.sleep(delay)
            delay = min(2 * delay, 2.0)

    def _say(self, text: str) -> None:
        self._observer.on(Message("info", text))


def target_of(settings: Settings, dimension: int) -> Target:
    """Where a run with these settings writes, without user-info."""
    server = settings.qdrant.url if is_server(settings.qdrant.url) else None
    return Target(
        embed=settings.embed.url,
        store=server or str(edge_folder(settings)),
        collection=settings.qdrant.collection,
        dimension=dimension,
    )


def target_name(settings: Settings) -> str:
    """What locks and checkpoints know the target by."""
    target = target_of(settings, 0)
    return f"{target.store}\0{target.collection}"


def edge_folder(settings: Settings) -> Path:
    """The folder that holds embedded collections, one folder each."""
    if settings.qdrant.url is not None:
        return Path(settings.qdrant.url).expanduser().absolute()
    return platformdirs.user_data_path("pulse", appauthor=False)


def bm25_folder(settings: Settings) -> Path:
    """Where the rank-bm25 view of this collection is: beside the embedded collections."""
    target = target_of(settings, 0)
    folder = Path(target.store)
    if is_server(settings.qdrant.url):
        host = hashlib.sha256(target.store.encode()).hexdigest()[:12]
        folder = platformdirs.user_data_path("pulse", appauthor=False) / f".servers-{host}"
    return folder / ".bm25" / target.collection  # no collection begins with a dot


def is_server(url: str | None) -> bool:
    return url is not None and "://" in url


def secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def with_user_info(url: str, basic_auth: SecretStr | None) -> str:
    """The address as the adapters take it: `user:password@` goes to a header there."""
    if basic_auth is None:
        return url
    user, _, password = basic_auth.get_secret_value().partition(":")
    parts = urlsplit(url)
    host = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return urlunsplit(parts._replace(netloc=host))


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_changed_inputs(manifest: Sequence[Input]) -> None:
    """An input may have grown since the run began; its prefix is proved when it is read."""
    from pulse_cli.read import changed_inputs

    bad = [f"{c.name} is {c.how}" for c in changed_inputs(manifest) if c.how not in _STILL_GOOD]
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise Fatal(
            "the sources have changed since this run was interrupted: " + "; ".join(bad[:5]) + more,
            hint="put them back, or start anew with --restart (or --on-changed-source restart)",
            kind="source-changed",
            exit_code=Exit.REFUSED,
        )


def _read_tokenizer(named: str) -> str | Path:
    """The text of a tokenizer from the hub (the only thing ever asked of it), or a path."""
    if not named.startswith("hub:"):
        return Path(named).expanduser()
    from tokenizers import Tokenizer

    try:
        return str(Tokenizer.from_pretrained(named.removeprefix("hub:")).to_str())
    except Exception as error:  # the hub's client raises what it likes
        raise ValueError(f"cannot be had from the hub: {error}") from error
