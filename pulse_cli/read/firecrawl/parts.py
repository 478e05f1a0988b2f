"""Recognises records that are parts of a page, and joins the parts.

LangChain's splitters, LlamaIndex's nodes and many scripts keep pages as chunks, each with the
address of the page. Their metadata shows it: the number of the chunk or of the page of a PDF, the
index of the first character, or an id of the node.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pulse_cli.model import Document, Part

_PAGES = ("page", "page_number", "pageNumber", "page_num", "page_label", "pageLabel")
_CHUNKS = (
    "chunk_index", "chunkIndex", "chunk_no", "chunk_number", "chunk_num", "chunkNumber", "chunk",
    "chunk_id", "chunkId", "part", "part_index", "part_number", "split_id", "_split_id",
    "split_idx", "seq_num", "sequence_number", "segment_index", "segment_id", "passage_id",
)  # fmt: skip
_STARTS = ("start_index", "start_char_idx", "char_start", "split_idx_start")
_TELLING = frozenset({*_PAGES, *_CHUNKS, *_STARTS, "loc", "class_name"})
_NAMES = ("page_label", "pageLabel", "chunk_id", "chunkId", "split_id", "segment_id", "passage_id")
"""Of these names, a value that is not a number distinguishes parts, too."""

_NUMBER = re.compile(r"\d{1,15}\Z")
_LAST_NUMBER = re.compile(r"(?:\A|[^0-9A-Za-z])(\d{1,6})\Z")  # of `guide-chunk-3`; of no UUID
_PAGE_OF_FILE = re.compile(r"#page=(\d{1,9})\Z")

LONGEST_OVERLAP = 4_000
"""Most characters of the previous part that a part is expected to repeat."""

SHORTEST_OVERLAP = 32
"""Least characters that count as a repetition if there is no index of characters."""


def part_of(page: dict[str, Any], metadata: dict[str, Any], url: str) -> Part | None:
    """Which part of its page a record is; None for a whole page."""
    page_of_file = _PAGE_OF_FILE.search(url)
    if page_of_file is None and _TELLING.isdisjoint(page) and _TELLING.isdisjoint(metadata):
        return None
    mark: list[str] = []
    order: list[float] = []
    if page_of_file:
        mark.append(page_of_file[0])
        order.append(int(page_of_file[1]))
    location = metadata.get("loc")  # of LangChain.js
    lines = location.get("lines") if isinstance(location, dict) else None
    places = [one for one in (metadata, page, location) if isinstance(one, dict)]
    start = None
    for names in (_PAGES, _CHUNKS, _STARTS):
        number = _marked(names, places, mark)
        if number is not None:
            order.append(number)
        if names is _STARTS:
            start = number
    if isinstance(lines, dict) and (line := _marked(("from",), [lines], mark)) is not None:
        order.append(line)
    if not mark and page.get("class_name") == "TextNode" and isinstance(page.get("id_"), str):
        mark.append(page["id_"])
    return Part(tuple(mark), tuple(order), start) if mark else None


def address_of_page(url: str) -> str:
    """The address without the number of a page in a file: `report.pdf#page=3`."""
    return _PAGE_OF_FILE.sub("", url)


def put_together(parts: Sequence[Document]) -> Document:
    """The page that these documents are parts of. They are in the order of the input.

    Text that a part repeats from the previous one is left out. Without a repetition, a blank line
    separates two parts.
    """
    ordered = sorted(parts, key=_order) if _is_sortable(parts) else list(parts)
    texts = [ordered[0].text]
    for before, after in pairwise(ordered):
        repeated = _repeated(before, after)
        if repeated is None:
            texts.append("\n\n")
        texts.append(after.text[repeated or 0 :])
    first = ordered[0]
    assert first.part is not None
    return Document(
        url=first.url,
        text="".join(texts),
        source_url=_first(ordered, "source_url"),
        title=_first(ordered, "title"),
        description=_first(ordered, "description"),
        language=_first(ordered, "language"),
        country=_first(ordered, "country"),
        is_mobile=_first(ordered, "is_mobile"),
        part=replace(first.part, count=len(ordered)),
    )


def _marked(names: Sequence[str], places: list[dict[str, Any]], mark: list[str]) -> int | None:
    """Add the values of these names to the mark of a part. Returns the first number of them."""
    number = None
    for place in places:
        for name in names:
            value = place.get(name)
            found = _number(value)
            if found is None and name in _NAMES and isinstance(value, str) and value:
                found = _last_number(value)
            elif found is None:
                continue
            mark.append(f"{name}={value}")
            number = found if number is None else number
    return number


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _NUMBER.match(value) else None


def _last_number(text: str) -> int | None:
    found = _LAST_NUMBER.search(text[-40:])
    return int(found[1]) if found else None


def _is_sortable(parts: Sequence[Document]) -> bool:
    lengths = {len(one.part.order) for one in parts if one.part}
    return len(lengths) == 1 and lengths != {0}


def _order(document: Document) -> tuple[float, ...]:
    return document.part.order if document.part else ()


def _repeated(before: Document, after: Document) -> int | None:
    """How many characters of `after` are at the end of `before`; None if they do not adjoin."""
    assert before.part
    assert after.part
    if before.part.start is not None and after.part.start is not None:
        overlap = before.part.start + len(before.text) - after.part.start
        if 0 <= overlap <= len(after.text) and before.text.endswith(after.text[:overlap]):
            return overlap
    end, beginning = before.text[-LONGEST_OVERLAP:], after.text[:SHORTEST_OVERLAP]
    if len(beginning) < SHORTEST_OVERLAP:
        return None
    at = end.find(beginning)
    while at >= 0:
        if after.text.startswith(end[at:]):
            return len(end) - at
        at = end.find(beginning, at + 1)
    return None


def _first(documents: Sequence[Document], name: str) -> Any:
    values = (getattr(one, name) for one in documents)
    return next((value for value in values if value is not None), None)
