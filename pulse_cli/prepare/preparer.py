"""Documents become chunks: the one implementation of `ports.Preparer`.

Pure: the result depends on the document and the options alone. Thread-safe: nothing is
changed after construction, and the splitter and the counters release the GIL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from pulse_cli.model import Chunk, Document, Identity, Prepared
from pulse_cli.payload import SCHEMA_VERSION
from pulse_cli.prepare import clean, context, identity, words
from pulse_cli.prepare.options import PrepareOptions

if TYPE_CHECKING:
    from pulse_cli.ports import Preparer, TokenCounter
    from pulse_cli.prepare.chunker import Chunker


def open_preparer(options: PrepareOptions, counter: TokenCounter) -> Preparer:
    """Build the preparer for one embedder, whose tokens `counter` counts.

    Raises ValueError where the options leave no room for text.
    """
    from pulse_cli.prepare.chunker import VERSION, Chunker

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
        "words": words.VERSION,
        **{f"bm25_{name}": value for name, value in asdict(options.bm25).items()},
        "bm25_language": options.bm25.languages,
    }
    chunker = Chunker(
        counter,
        options.max_tokens,
        options.overlap_tokens,
        options.document_prefix,
        headings=options.context == "section",
    )
    return _MarkdownPreparer(options, fingerprint, chunker)


class _MarkdownPreparer:
    def __init__(
        self,
        options: PrepareOptions,
        fingerprint: dict[str, str | int | float],
        chunker: Chunker,
    ) -> None:
        self._chunk_tokens = options.max_tokens
        self._titles = options.context != "none"
        self._fingerprint = fingerprint
        self._chunker = chunker
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
        return [
            [_chunk(one, index) for index in range(start, min(stop, len(one.starts)))]
            for one in prepared
        ]


def _chunk(prepared: Prepared, index: int) -> Chunk:
    text = prepared.text[prepared.starts[index] : prepared.ends[index]]
    context = prepared.sections[index].context
    full_text = f"{context}\n{text}" if context else text
    return chunk_of(prepared, index, text, full_text, words.bm25_text(full_text))


def chunk_of(prepared: Prepared, index: int, text: str, full_text: str, words: str) -> Chunk:
    """Chunk `index` of a page, whose texts are known."""
    return Chunk(
        id=identity.point_id(prepared.identity.key, prepared.identity.version, index),
        index=index,
        text=text,
        full_text=full_text,
        words=words,
        section=prepared.sections[index].path,
        tokens=prepared.counts[index],
        start=prepared.starts[index],
        end=prepared.ends[index],
    )
