"""The words that say where a chunk stands: the title of its page and the headings above it.

A chunk alone has lost them, and words of the title would be found by nobody. So what is
embedded, and what BM25 weighs, is `title > section > subsection`, a line end, and the chunk.
A page without a title is named by its first heading, else by the last parts of its address.

The context is counted into the limit of a chunk as the model counts it, with the prefix that
comes before it. It takes at most a share of the limit and is cut at words where it is longer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from urllib.parse import unquote, urlsplit

from pulse_cli.ports import TokenCounter
from pulse_cli.prepare.outline import headings

VERSION = 1
SEPARATOR = " > "

_CHARS_PER_TOKEN = 4
_LONGEST_PART = 200  # characters of a title or heading; longer ones are sentences
_MARKED = re.compile(r"[\\`*_~\[\]<&{#\u200b]")
_ANCHOR = re.compile(r"\{\s*#[^{}]*\}|\[[\u200b#\u00b6]?\]\([^()]*\)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_EMPHASIZED = re.compile(r"[*`~_]")
_EMPHASIS = re.compile(r"(?<!\\)(?:[*`~]+|(?<![^\W_])_+|_+(?![^\W_]))")
_ADDRESS_WORDS = re.compile(r"[-_+\s]+")
_EXTENSION = re.compile(r"\.[A-Za-z]{1,5}\Z")


@lru_cache(maxsize=4096)  # each is asked for twice or more, and pages of a site share many
def heading_text(line: str) -> str:
    """A line of markdown as its words: no marks, anchors, link targets or tags."""
    text = line.strip("# \t\n")
    if _MARKED.search(text):
        if "](" in text or "{" in text:
            text = _LINK.sub(r"\1", _ANCHOR.sub("", text))
        if "<" in text:
            text = _TAG.sub("", text)
        if _EMPHASIZED.search(text):
            text = _EMPHASIS.sub("", text)
        if "\\" in text:
            text = _ESCAPE.sub(r"\1", text)
        if "&" in text:
            text = unescape(text)
        text = text.replace("\u200b", "").strip("# \t")
    if len(text) > _LONGEST_PART:
        text = _cut_at_word(text, _LONGEST_PART)
    return text


def page_title(title: str | None, text: str, url: str) -> str:
    """The title, else the first heading of the text, else the last parts of the address."""
    if title and (named := heading_text(" ".join(title.split()))):
        return named
    for offset, _ in headings(text):
        if named := heading_text(text[offset : _line_end(text, offset)]):
            return named
    return address_words(url)


def address_words(url: str) -> str:
    """The last two parts of the path as words, else the host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    names = [unquote(part) for part in parts.path.split("/") if part]
    words = (_ADDRESS_WORDS.sub(" ", _EXTENSION.sub("", name)).strip() for name in names[-2:])
    return " ".join(filter(None, words))[:_LONGEST_PART] or parts.netloc.rpartition("@")[2]


def is_repeated(part: str, above: str) -> bool:
    """Whether `part` says nothing that the part of the path above it does not say."""
    return part.casefold() in above.casefold()


class Leads:
    """What is sent before chunks: prefix, context, line end. Counts them, and cuts long ones.

    A context takes at most `most` tokens. `exact`: tokens of a lead and of what follows add up.
    """

    def __init__(self, counter: TokenCounter, prefix: str, most: int) -> None:
        self._counter = counter
        self._prefix = prefix
        self._of_prefix = counter.count([prefix])[0] if prefix else 0
        self._most = self._of_prefix + most
        breaks = counter.breaks
        self.exact = "\n" in breaks and (not prefix or prefix[-1] in breaks)

    def lead(self, context: str) -> str:
        return f"{self._prefix}{context}\n" if context else self._prefix

    def measured(self, context: str) -> tuple[str, int]:
        """The context, cut if too long, and the tokens of its lead (a guess unless `exact`)."""
        if not context:
            return "", self._of_prefix
        if not self.exact and self._of_prefix + len(context.encode()) + 3 < self._most:
            # No tokenizer makes more tokens than bytes, line end and a first blank. Chunks will
            # be counted whole, and a server that counts is not to be asked for each context.
            return context, self._of_prefix + len(context) // _CHARS_PER_TOKEN
        while (tokens := self._counter.count([self.lead(context)])[0]) > self._most:
            share = max(0, self._most - self._of_prefix) / (tokens - self._of_prefix)
            context = _cut_at_word(context, min(int(share * len(context)), len(context) - 1))
        return context, tokens


def _cut_at_word(text: str, length: int) -> str:
    """At most `length` characters, ending with a whole word if one ends in the second half."""
    space = text.rfind(" ", length // 2, length + 1)
    return text[: space if space > 0 else length].rstrip(" >")


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
