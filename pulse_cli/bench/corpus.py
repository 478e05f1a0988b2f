"""What a benchmark indexes: named sources, or generated pages; repeated where that is too little.

A repeated page is another page: every pass gives its URLs a parameter and its titles a number of
their own, so that nothing is recognised as unchanged or as the same text, and each pass is as much
work as the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.bench.prose import pages
from pulse_cli.model import Document, Position

MOST_REPEATED_BYTES = 3 << 30


@dataclass(frozen=True, slots=True)
class Corpus:
    """`documents` pages of `text_bytes` UTF-8 bytes of markdown in `sources`."""

    name: str
    sources: tuple[str, ...]
    documents: int
    text_bytes: int

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "documents": self.documents,
            "bytes_text": self.text_bytes,
        }


def named_corpus(names: Sequence[str]) -> Corpus:
    """Files and folders, as `pulse index` takes them. Raises Fatal where one is not there."""
    documents = size = 0
    for document in documents_of(names):
        documents += 1
        size += len(document.text.encode())
    title = ", ".join(Path(name).name for name in names)
    return Corpus(title, tuple(str(Path(name).absolute()) for name in names), documents, size)


def generated_corpus(folder: Path, count: int, median: int, seed: int) -> Corpus:
    """Write `count` generated pages to a file in `folder`."""
    path = folder / "generated.jsonl"
    size = 0
    with path.open("wb") as file:
        for page in pages(count, median, seed):
            size += len(page.text.encode())
            file.write(_line(Document(page.url, page.text, title=page.title)))
    name = f"{count:,} generated pages, median {median:,} characters, seed {seed}"
    return Corpus(name, (str(path),), count, size)


def repeated(corpus: Corpus, folder: Path, passes: int) -> Corpus:
    """The corpus and `passes - 1` more of it, in a file in `folder`, up to 3 GiB."""
    most = 1 + MOST_REPEATED_BYTES // max(corpus.text_bytes, 1)
    passes = max(1, min(passes, most))
    if passes == 1:
        return corpus
    path = folder / "repeats.jsonl"
    with path.open("wb") as file:
        for number in range(2, passes + 1):
            for document in documents_of(corpus.sources):
                sign = "&" if "?" in document.url else "?"
                url, title = (
                    f"{document.url}{sign}pass={number}",
                    f"{document.title or ''} {number}",
                )
                file.write(_line(replace(document, url=url, title=title)))
    return Corpus(
        f"{corpus.name}, {passes} times",
        (*corpus.sources, str(path)),
        corpus.documents * passes,
        corpus.text_bytes * passes,
    )


def documents_of(names: Sequence[str]) -> Iterator[Document]:
    """The pages in the sources, as pulse reads them. Raises Fatal where one is not there."""
    from pulse_cli.read import ReadOptions, open_source

    for record in open_source(names, ReadOptions()).records(Position()):
        if isinstance(record.content, Document):
            yield record.content


def _line(document: Document) -> bytes:
    metadata = {"url": document.url, "sourceURL": document.url, "statusCode": 200}
    optional = {
        "title": document.title,
        "description": document.description,
        "language": document.language,
    }
    metadata |= {name: value for name, value in optional.items() if value is not None}
    return orjson.dumps({"markdown": document.text, "metadata": metadata}) + b"\n"
