"""Makes the adapters of each port from the settings. Only here do they get their secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from pulse_cli.errors import SourceChanged
from pulse_cli.payload import Bm25Options
from pulse_cli.ports import Embedder, RunInThread, Source, Store
from pulse_cli.wiring.targets import edge_folder, is_server

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.model import Input
    from pulse_cli.read import ReadOptions
    from pulse_cli.read.bytes.inputs import Objects
    from pulse_cli.read.index_records import StoredDocuments
    from pulse_cli.search.rerank import Reranker
    from pulse_cli.store.catalog import Catalog

_STILL_GOOD = ("same", "longer")
INDEX_LOCK_SECONDS, SEARCH_LOCK_SECONDS = 30.0, 2.0


async def open_embedder(everything: Settings, run_in_thread: RunInThread) -> Embedder:
    """Connect to the embedding server, or load the local model. Raises Transient, Fatal."""
    settings, trust_env = everything.embed, everything.network.trust_env
    if settings.url == "local":
        from pulse_cli.embed.local import open_local
        from pulse_cli.prepare import vendored_tokenizer

        return await open_local(
            run_in_thread,
            tokenizer_json=vendored_tokenizer(),
            model_path=settings.model_path,
            document_prefix=settings.document_prefix,
            query_prefix=settings.query_prefix,
        )
    url = with_user_info(settings.url, settings.basic_auth)
    api_key = secret(settings.api_key)
    if settings.url.startswith("openai+"):
        from pulse_cli.embed.openai import open_openai

        return await open_openai(
            url,
            settings.model,
            api_key=api_key,
            timeout=settings.timeout,
            document_prefix=settings.document_prefix,
            query_prefix=settings.query_prefix,
            trust_env=trust_env,
            batch=settings.batch,
            max_tokens=settings.max_tokens,
        )
    from pulse_cli.embed.tei import open_tei

    return await open_tei(
        url,
        api_key=api_key,
        timeout=settings.timeout,
        document_prefix=settings.document_prefix,
        query_prefix=settings.query_prefix,
        trust_env=trust_env,
        batch=settings.batch,
    )


def new_store(everything: Settings, *, create: bool) -> Store:
    """The collection on a server or in a folder, not opened yet. Raises Fatal."""
    settings = everything.qdrant
    if is_server(settings.url):
        from pulse_cli.store.qdrant.collection import CollectionOptions
        from pulse_cli.store.qdrant.store import open_qdrant

        assert settings.url is not None
        return open_qdrant(
            with_user_info(settings.url, settings.basic_auth),
            settings.collection,
            api_key=secret(settings.api_key),
            timeout=settings.timeout,
            trust_env=everything.network.trust_env,
            create=create,
            options=CollectionOptions(
                on_disk=settings.on_disk,
                int8=settings.quantization == "int8",
                shards=settings.shards,
                bm25=bm25_options(everything),
            ),
        )
    from pulse_cli.store.edge.store import open_edge

    wait = INDEX_LOCK_SECONDS if create else SEARCH_LOCK_SECONDS
    folder = edge_folder(everything)
    return open_edge(
        folder,
        settings.collection,
        create=create,
        lock_wait=wait,
        deadline=settings.timeout,
        bm25=bm25_options(everything),
    )


def bm25_options(everything: Settings) -> Bm25Options:
    """How the store weighs words."""
    own = everything.bm25
    return Bm25Options(own.language, own.k, own.b, own.avg_len)


def new_catalog(everything: Settings) -> Catalog:
    """The collections at the server or in the folder of the settings."""
    settings = everything.qdrant
    if is_server(settings.url):
        from pulse_cli.store.qdrant.catalog import QdrantCatalog

        assert settings.url is not None
        return QdrantCatalog(
            with_user_info(settings.url, settings.basic_auth),
            api_key=secret(settings.api_key),
            timeout=settings.timeout,
            trust_env=everything.network.trust_env,
        )
    from pulse_cli.store.edge.catalog import EdgeCatalog

    return EdgeCatalog(edge_folder(everything))


def new_reranker(everything: Settings) -> Reranker | None:
    """The reranker, if one is set. Raises Fatal."""
    settings = everything.search
    if settings.rerank is None:
        return None
    from pulse_cli.search.rerank import Reranker

    return Reranker(
        settings.rerank,
        api_key=secret(settings.rerank_api_key),
        model=settings.rerank_model,
        trust_env=everything.network.trust_env,
    )


def open_sources(
    sources: Sequence[str],
    manifest: Sequence[Input] | None,
    options: ReadOptions,
    objects: Objects = MappingProxyType({}),
) -> Source:
    """The sources as they are now, or the inputs of a run to be resumed. Raises Fatal.

    `objects` are those found at the addresses among the sources.
    """
    from pulse_cli.read import open_source

    if manifest is not None:
        _refuse_changed_inputs(manifest, objects)

    return open_source(sources, options, manifest, objects=objects)


def read_options(
    everything: Settings,
    stored: StoredDocuments | None = None,
    addresses: Mapping[str, str] = MappingProxyType({}),
) -> ReadOptions:
    """The options of a reader, with the key of Firecrawl and the secrets in `addresses`."""
    from pulse_cli.read import ObjectOptions, ReadOptions

    source, objects = everything.source, everything.objects
    return ReadOptions(
        max_record=source.max_record,
        field_map=source.map,
        include=source.include,
        exclude=source.exclude,
        min_chars=source.min_chars,
        include_errors=source.include_errors,
        max_expanded=source.max_expanded,
        base_url=source.base_url,
        firecrawl_url=everything.firecrawl.url,
        firecrawl_api_key=secret(everything.firecrawl.api_key),
        trust_env=everything.network.trust_env,
        give_up_after=everything.run.give_up_after,
        stored=stored,
        objects=ObjectOptions(
            endpoint=objects.endpoint,
            instance_role=objects.instance_role,
            timeout=objects.timeout,
            addresses=addresses,
        ),
    )


def _refuse_changed_inputs(manifest: Sequence[Input], objects: Objects) -> None:
    """Raises SourceChanged. An input may have grown: its beginning is verified on reading."""
    from pulse_cli.read import changed_inputs

    changes = changed_inputs(manifest, objects)
    bad = [f"{c.name} is {c.how}" for c in changes if c.how not in _STILL_GOOD]
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise SourceChanged(
            "the sources have changed since this run was interrupted: " + "; ".join(bad[:5]) + more,
            hint="put them back, or start anew with --restart (or --on-changed-source restart)",
        )


def secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def with_user_info(url: str, basic_auth: SecretStr | None) -> str:
    """The address with `user:password@`, which the adapters move to a header."""
    if basic_auth is None:
        return url
    user, _, password = basic_auth.get_secret_value().partition(":")
    parts = urlsplit(url)
    host = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return urlunsplit(parts._replace(netloc=host))
