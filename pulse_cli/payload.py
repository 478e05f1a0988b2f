"""The payload of a point: the names of its fields, how it is made, and what is read back of it.

Every part that names a field takes the name from here: the engine makes payloads and reads
commit records, both stores filter by `INDEXES` and create them, search offers `FILTERS`.

Each version of a page has its own points (`prepare.identity`), and they all carry its `VERSION`.
The first of them is the commit record of that version: `committed` is true if, and only if,
all points of the version are in the store and no other point of the page is (`engine.commit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pulse_cli.model import Chunk, Prepared

SCHEMA_VERSION = 3

URL = "url"
KEY = "canonical_url"
TITLE = "title"
DESCRIPTION = "description"
DOMAIN = "domain"
LANGUAGE = "language"
COUNTRY = "country"
IS_MOBILE = "isMobile"
SOURCE_URL = "source_url"
TEXT = "text"
SECTION = "section"
CHUNK_INDEX = "chunk_index"
CHUNK_COUNT = "chunk_count"
TOKEN_COUNT = "token_count"  # noqa: S105 - no password
DOC_TOKENS = "doc_tokens"
CHAR_START = "char_start"
CHAR_END = "char_end"
CONTENT_HASH = "content_hash"
REV = "rev"
VERSION = "version"
EMBEDDER = "embedder"
INDEXED_AT = "indexed_at"
RUN_ID = "run_id"
COMMITTED = "committed"

Schema: TypeAlias = Literal["keyword", "bool", "integer"]

INDEXES: Mapping[str, Schema] = {
    KEY: "keyword",
    VERSION: "keyword",
    COMMITTED: "bool",
    DOMAIN: "keyword",
    LANGUAGE: "keyword",
    COUNTRY: "keyword",
    IS_MOBILE: "bool",
    SOURCE_URL: "keyword",
    EMBEDDER: "keyword",
    INDEXED_AT: "keyword",
    TOKEN_COUNT: "integer",
}
"""All fields that anything filters by or counts, with the type of their payload index in Qdrant."""

FILTERS: Mapping[str, Schema] = {
    name: INDEXES[name] for name in (DOMAIN, LANGUAGE, COUNTRY, IS_MOBILE)
}
"""The fields that people may filter by."""

RECORD_FIELDS = (KEY, COMMITTED, RUN_ID, CHUNK_COUNT, DOC_TOKENS)
"""What `read_record` needs of the payload of a page's first point."""


@dataclass(frozen=True, slots=True)
class Bm25Options:
    """How a store weighs words, as Qdrant's model `qdrant/bm25` names it.

    `language` names stemming and stop words of pages that are in no language with a list of its own
    (`store.page_languages`), "none" does without both on all pages; `k` is BM25's k1, `avg_len`
    the average length in words. Documents get `tf * (k + 1) / (tf + k * (1 - b + b * length /
    avg_len))` (Robertson and Zaragoza 2009), queries 1 for each word; the engine applies the IDF.
    """

    language: str = "english"
    k: float = 1.2
    b: float = 0.75
    avg_len: float = 256.0

    @property
    def languages(self) -> str:
        """In what languages pages are weighed, for `rev`."""
        return "none" if self.language == "none" else f"page's, else {self.language}"


@dataclass(frozen=True, slots=True)
class RunStamp:
    """What a run writes into every payload.

    `indexed_at` is RFC 3339, the start of the run. `rev` stands for all settings that decide
    what is written; `embedder` names the model that made the vectors.
    """

    run_id: str
    indexed_at: str
    rev: str
    embedder: str


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What the first point (`id`) of one version of a page says of it."""

    id: str
    key: str
    committed: bool
    run_id: str | None
    chunk_count: int
    doc_tokens: int


def payloads(prepared: Prepared, chunks: Sequence[Chunk], stamp: RunStamp) -> list[dict[str, Any]]:
    """The payloads of these chunks of one page; the first chunk's says `committed: false`."""
    document, identity = prepared.document, prepared.identity
    shared = {
        URL: document.url,
        KEY: identity.key,
        TITLE: document.title,
        DESCRIPTION: document.description,
        DOMAIN: identity.domain,
        LANGUAGE: document.language,
        COUNTRY: document.country,
        IS_MOBILE: document.is_mobile,
        SOURCE_URL: document.source_url,
        CHUNK_COUNT: len(prepared.starts),
        DOC_TOKENS: sum(prepared.counts),
        CONTENT_HASH: identity.content_hash,
        REV: stamp.rev,
        VERSION: identity.version,
        EMBEDDER: stamp.embedder,
        INDEXED_AT: stamp.indexed_at,
        RUN_ID: stamp.run_id,
    }
    made = []
    for chunk in chunks:
        payload = {
            **shared,
            TEXT: chunk.text,
            SECTION: chunk.section,
            CHUNK_INDEX: chunk.index,
            TOKEN_COUNT: chunk.tokens,
            CHAR_START: chunk.start,
            CHAR_END: chunk.end,
        }
        if chunk.index == 0:
            payload[COMMITTED] = False
        made.append(payload)
    return made


def read_record(point_id: str, payload: Mapping[str, Any] | None) -> CommitRecord:
    """Read a commit record. A field of another type counts as missing: the page is written anew."""
    found = payload or {}
    run_id = found.get(RUN_ID)
    return CommitRecord(
        id=point_id,
        key=str(found.get(KEY) or ""),
        committed=found.get(COMMITTED) is True,
        run_id=run_id if isinstance(run_id, str) else None,
        chunk_count=_number(found.get(CHUNK_COUNT)),
        doc_tokens=_number(found.get(DOC_TOKENS)),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
