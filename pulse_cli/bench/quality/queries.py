"""Queries of five kinds, drawn from any corpus, each answered by one page of it.

- `title`: the title of a page.
- `heading`: its title and one of its headings.
- `description`: what the page says of itself: its metadata, else the first sentence of its
  text, which is then taken out of the text, so that no query of this kind is a quotation.
- `half`: the first or second half of a sentence.
- `identifier`: a name out of code (`getUserName`, `ERR_CONN_RESET`, `--max-old-space-size`).

A query that two pages answer is no query: titles, headings and descriptions must differ,
halves and identifiers must stand in one page alone. Everything depends on the pages alone,
never on chance or order: what is chosen is chosen by its hash.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

from pulse_cli.model import Document
from pulse_cli.prepare.identity import canonical_url

KINDS = ("title", "heading", "description", "half", "identifier")

_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{2,4}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_ANCHOR = re.compile(r"\{\s*#[^}]*\}|\[\u200b?\]\([^)]*\)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")
_PROSE = re.compile(r"^[^\W\d_]|^[*_`\[]+\w")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
_IDENTIFIER = re.compile(
    r"(?<![\w./@-])(?:"
    r"--[a-z][a-z0-9]*(?:-[a-z0-9]+)+"  # --max-old-space-size
    r"|[A-Z]{2,}[0-9]*(?:-[0-9]{2,})+"  # CVE-2024-1234
    r"|[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+"  # ERR_CONN_RESET, max_tokens
    r"|[A-Za-z]\w*(?:\.[A-Za-z_]\w*)+\(\)"  # foo.bar()
    r"|[A-Za-z][a-z0-9]+(?:[A-Z][a-z0-9]+)+"  # getUserName
    r")(?![\w/@-])"
)
_LEAST_WORDS, _MOST_WORDS = 8, 40
_LEAST_CHARS, _MOST_CHARS = 24, 240
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Query:
    """`relevant` holds the key of each page that answers, with its grade (1 or more)."""

    kind: str
    text: str
    relevant: dict[str, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page being drawn from, without the sentence that describes it, and its prose."""

    key: str
    document: Document
    title: str
    description: str
    prose: str

    @property
    def order(self) -> int:
        return hash_of(self.key)


def hash_of(text: str) -> int:
    """The order in which things are chosen."""
    return crc32(text.encode("utf-8", "replace"))


def draw(documents: Sequence[Document], wanted: int) -> tuple[list[Document], list[Query]]:
    """About `wanted` queries, a fifth of each kind, and the pages to be searched for them.

    Where a kind cannot give its share, the others give more.
    """
    pages = [_page(document) for document in documents]
    pages.sort(key=lambda page: (page.order, page.key))
    drawn = {
        "title": _unique((page, [page.title] if _says_much(page.title) else []) for page in pages),
        "heading": _unique((page, _headings(page)) for page in pages),
        "description": _unique(
            (page, [page.description] if page.description else []) for page in pages
        ),
        "half": _standing_in_one(pages, _halves),
        "identifier": _standing_in_one(pages, _names, whole=True),
    }
    chosen: list[Query] = []
    for number, kind in enumerate(sorted(KINDS, key=lambda kind: len(drawn[kind]))):
        share = (wanted - len(chosen)) // (len(KINDS) - number)
        chosen += [
            Query(kind, text, {page.key: 1}) for page, text in _round_robin(drawn[kind], share)
        ]
    chosen.sort(key=lambda query: (KINDS.index(query.kind), hash_of(query.text)))
    return [page.document for page in pages], chosen


def _page(document: Document) -> _Page:
    description, document = _described(document)
    prose = "\n".join(_prose_lines(document.text))
    key, title = canonical_url(document.url), _bare(document.title or "")
    return _Page(key, document, title, description, prose)


def _described(document: Document) -> tuple[str, Document]:
    """The description ("" if there is none), and the page without the line that it is from."""
    text = _bare(document.description or "")
    if _is_sentence(text):
        return text, document
    line = next((line for line in document.text.split("\n") if _PROSE.match(line)), "")
    text = _SENTENCE.split(_bare(line))[0]
    if _is_sentence(text):
        return text, replace(document, text=document.text.replace(line, "", 1))
    return "", document


def _bare(markdown: str) -> str:
    """One line of markdown as words."""
    text = _LINK.sub(r"\1", _ANCHOR.sub("", markdown))
    return " ".join(_MARKS.sub("", text).replace("\\", "").split())


def _prose_lines(text: str) -> Iterator[str]:
    for line in _FENCE.sub("", text).split("\n"):
        if len(line) >= _LEAST_CHARS and _PROSE.match(line):
            yield _bare(line)


def _says_much(text: str) -> bool:
    """Two words at least, or text that is written without spaces."""
    return " " in text or (len(text) > 2 and not text.isascii())


def _headings(page: _Page) -> list[str]:
    names = (_bare(match[1]) for match in _HEADING.finditer(_FENCE.sub("", page.document.text)))
    return [f"{page.title} {name}" for name in names if name and page.title]


def _is_sentence(text: str) -> bool:
    if text.isascii() or len(text.split()) >= _LEAST_WORDS:
        return _LEAST_WORDS <= len(text.split()) <= _MOST_WORDS
    return _LEAST_CHARS <= len(text) <= _MOST_CHARS


def _halves(page: _Page) -> Iterator[str]:
    for line in page.prose.split("\n"):
        for sentence in _SENTENCE.split(line):
            if _is_sentence(sentence):
                second = hash_of(sentence) & 1
                words = sentence.split()
                if len(words) >= _LEAST_WORDS:
                    middle = len(words) // 2
                    yield " ".join(words[middle:] if second else words[:middle])
                else:
                    middle = len(sentence) // 2
                    yield sentence[middle:] if second else sentence[:middle]


def _names(page: _Page) -> Iterator[str]:
    for match in _IDENTIFIER.finditer(page.document.text):
        if len(match[0]) <= _LONGEST_NAME:
            yield match[0]


def _unique(found: Iterator[tuple[_Page, list[str]]]) -> list[tuple[_Page, str]]:
    """The texts that are there once, in order of the pages."""
    pairs = [(page, text) for page, texts in found for text in texts]
    often = Counter(text.casefold() for _, text in pairs)
    return [(page, text) for page, text in pairs if often[text.casefold()] == 1]


def _standing_in_one(
    pages: Sequence[_Page], texts_of: Callable[[_Page], Iterator[str]], *, whole: bool = False
) -> list[tuple[_Page, str]]:
    """Texts that stand in one page alone; compared as `whole` identifiers, or as substrings."""
    per_page = [(page, list(dict.fromkeys(texts_of(page)))) for page in pages]
    if whole:
        often = Counter(text.casefold() for _, texts in per_page for text in set(texts))
        return [(page, t) for page, texts in per_page for t in texts if often[t.casefold()] == 1]
    folded = [page.prose.casefold() for page in pages]
    found = []
    for page, texts in per_page:
        # a few of each page are enough, and looking all of them up would take minutes
        for text in sorted(texts, key=hash_of)[:12]:
            needle = text.casefold()
            if sum(needle in prose for prose in folded) == 1:
                found.append((page, text))
    return found


def _round_robin(pairs: Sequence[tuple[_Page, str]], wanted: int) -> list[tuple[_Page, str]]:
    """`wanted` of them: one of each page, then a second of each, and so on."""
    texts: dict[str, list[tuple[_Page, str]]] = {}
    for page, text in sorted(pairs, key=lambda pair: (pair[0].order, hash_of(pair[1]))):
        texts.setdefault(page.key, []).append((page, text))
    rounds = max((len(own) for own in texts.values()), default=0)
    ordered = [own[turn] for turn in range(rounds) for own in texts.values() if turn < len(own)]
    return ordered[:wanted]
