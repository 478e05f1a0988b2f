"""Documents become chunks: the one implementation of `ports.Preparer`.

Pure: the result depends on the document and the options alone. Thread-safe: nothing is
changed after construction, and the splitter and the counters release the GIL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.model import Chunk, Document, Identity, Prepared, Terms
from pulse_cli.payload import SCHEMA_VERSION
from pulse_cli.prepare import clean, context, identity
from pulse_cli.prepare.options import PrepareOptions

if TYPE_CHECKING:
    from pulse_cli.ports import Preparer, TokenCounter
    from pulse_cli.prepare.chunker import Chunker
    from pulse_cli.prepare.terms import TermWeights
    from pulse_cli.prepare.terms_process import TermProcess


def open_preparer(
    options: PrepareOptions, counter: TokenCounter, *, processes: bool = False
) -> Preparer:
    """Build the preparer for one embedder, whose tokens `counter` counts.

    With `processes` it may start one (`prepare.terms_process`), which `close` ends. Raises
    ValueError where the options leave no room for text or name an unknown language.
    """
    from pulse_cli.prepare.chunker import VERSION, Chunker
    from pulse_cli.prepare.terms import VERSION as TERMS_VERSION
    from pulse_cli.prepare.terms import TermWeights
    from pulse_cli.prepare.terms_process import TermProcess

    fingerprint: dict[str, str | int | float] = {
        "cleaner": clean.VERSION,
        "chunker": VERSION,
        "ids": identity.SCHEME,
        "payload": SCHEMA_VERSION,
        "tokenizer": counter.name,
        "model": options.model,
        "dimension": options.dimension,
        "max_tokens": options.max_tokens,
        "overlap_tokens": options.overlap_tokens,
        "context": f"{options.context}/{context.VERSION}",
        "document_prefix": options.document_prefix,
        "bm25": TERMS_VERSION,
        "bm25_language": options.bm25_language,
        "bm25_k": options.bm25_k,
        "bm25_b": options.bm25_b,
        "bm25_avg_len": options.bm25_avg_len,
    }
    chunker = Chunker(
        counter,
        options.max_tokens,
        options.overlap_tokens,
        options.document_prefix,
        headings=options.context == "section",
    )
    terms = TermProcess(options) if processes else TermWeights(options)
    return _MarkdownPreparer(options, fingerprint, chunker, terms)


class _MarkdownPreparer:
    def __init__(
        self,
        options: PrepareOptions,
        fingerprint: dict[str, str | int | float],
        chunker: Chunker,
        terms: TermWeights | TermProcess,
    ) -> None:
        self._chunk_tokens = options.max_tokens
        self._titles = options.context != "none"
        self._fingerprint = fingerprint
        self._chunker = chunker
        self._terms = terms
        canonical = json.dumps(fingerprint, sort_keys=True).encode()
        self._rev = hashlib.sha256(canonical).hexdigest()[:16]

    @property
    def rev(self) -> str:
        return self._rev

    @property
    def fingerprint(self) -> dict[str, str | int | float]:
        """The fields that `rev` is made of, by name."""
        return dict(self._fingerprint)

    @property
    def chunk_tokens(self) -> int:
        return self._chunk_tokens

    def key(self, url: str) -> str:
        return identity.canonical_url(url)

    def identify(self, document: Document) -> Identity:
        key = identity.canonical_url(document.url)
        content_hash = identity.content_hash(document)
        version = identity.version_of(content_hash, self._rev)
        return Identity(
            key=key,
            domain=identity.domain_of(document.url),
            content_hash=content_hash,
            version=version,
            commit_id=identity.point_id(key, version, 0),
        )

    def prepare(self, documents: Sequence[tuple[Document, Identity]]) -> list[Prepared]:
        pages = []
        for document, _ in documents:
            text = clean.clean(document.text)
            title = context.page_title(document.title, text, document.url) if self._titles else ""
            pages.append((title, text))
        return [
            Prepared(document, named, text, spans.starts, spans.ends, spans.counts, spans.sections)
            for (document, named), (_, text), spans in zip(
                documents, pages, self._chunker.chunk(pages), strict=True
            )
        ]

    def chunks(self, prepared: Sequence[Prepared], start: int, stop: int) -> list[list[Chunk]]:
        spans = [range(start, min(stop, len(one.starts))) for one in prepared]
        texts = [
            one.text[one.starts[index] : one.ends[index]]
            for one, span in zip(prepared, spans, strict=True)
            for index in span
        ]
        contexts = (
            one.sections[index].context
            for one, span in zip(prepared, spans, strict=True)
            for index in span
        )
        full = [f"{c}\n{text}" if c else text for c, text in zip(contexts, texts, strict=True)]
        weighed = zip(texts, full, self._terms.of_chunks(full), strict=True)
        return [
            [chunk_of(one, index, *next(weighed)) for index in span]
            for one, span in zip(prepared, spans, strict=True)
        ]

    def query_terms(self, query: str) -> Terms:
        return self._terms.of_query(clean.clean(query))

    def close(self) -> None:
        self._terms.close()


def chunk_of(prepared: Prepared, index: int, text: str, full_text: str, terms: Terms) -> Chunk:
    """Chunk `index` of a page, whose texts and terms are known."""
    return Chunk(
        id=identity.point_id(prepared.identity.key, prepared.identity.version, index),
        index=index,
        text=text,
        full_text=full_text,
        section=prepared.sections[index].path,
        tokens=prepared.counts[index],
        start=prepared.starts[index],
        end=prepared.ends[index],
        terms=terms,
    )
