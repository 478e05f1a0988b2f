"""Removes from a page what no one can search for; keeps its lines, code and tables.

`clean(text)` does exactly this, in this order, and nothing else:

1. Embedded images are removed, so that `![a chart](data:...)` becomes `![a chart]()`:
   `data:` URIs in base64, of any type and also wrapped over lines; `data:image/` URIs in any
   other encoding (`prepare.data_uris` says where they end); and the mark that Firecrawl leaves
   for an image it took out, `![a chart](<Base64-Image-Removed>)`. URIs with fewer than 32
   characters of payload are examples in prose and stay, as does base64 that is not a `data:` URI.
2. CR LF, CR, VT, FF, NEL, U+2028 and U+2029 become LF.
3. Control characters are removed (U+001C to U+001F, which separate, become a space), and
   so are characters that are neither seen nor searched: soft hyphen, zero-width space,
   word joiner, byte order mark, direction marks, invisible operators, tag characters,
   interlinear marks, lone surrogates. Zero-width (non-)joiners stay between two non-ASCII
   characters, where Persian, Indic scripts and emoji need them.
4. Space characters of any width (no-break, em, thin, ideographic ...) become a space.
5. Spaces and tabs at the ends of lines are removed, three or more blank lines in a row
   become two, blank lines at the start and white space at the end are removed.
6. A text without any letter, digit or non-ASCII character left is empty.

Everything is one pass of `str` methods or a regular expression that cannot backtrack over
more than a bounded distance, so that time is linear in any input. A long text is cleaned
in blocks (of which the result is independent), so that memory stays near its own size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pulse_cli.prepare.data_uris import without_images

VERSION = 3

_BLOCK = 1 << 20
_MANY_KINDS = 16

# A row of joiners stays or goes as a whole: otherwise the first of them would keep the next.
_JOINERS = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d]+|(?<![\u200c\u200d])[\u200c\u200d]++(?![^\x00-\x7f])"
)
_BLANK_LINES = re.compile(r"\n{4,}")
_SEARCHABLE = re.compile(r"[^\W_]|[^\x00-\x7f]")
# A line end before a word character: no rule above looks across it.
_SEAM = re.compile(r"\n(?=\w)")


def _characters(*ranges: tuple[int, int]) -> Iterator[str]:
    for first, last in ranges:
        yield from map(chr, range(first, last + 1))


_REPLACED: dict[str, str | int | None] = {
    **dict.fromkeys(_characters((0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F)), ""),
    **dict.fromkeys("\xad\u061c\u180e\u200b\u200e\u200f\ufeff", ""),
    **dict.fromkeys(_characters((0x202A, 0x202E), (0x2060, 0x206F), (0xFFF9, 0xFFFB)), ""),
    **dict.fromkeys(_characters((0xD800, 0xDFFF), (0xE0000, 0xE007F)), ""),
    **dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n"),
    **dict.fromkeys(_characters((0x1C, 0x1F), (0x2000, 0x200A)), " "),
    **dict.fromkeys("\xa0\u1680\u202f\u205f\u3000", " "),
}


def clean(text: str) -> str:
    """Return `text` without what cannot be searched; see above for what that is."""
    text = without_images(text)
    text = _clean_block(text) if len(text) <= 2 * _BLOCK else _clean_long(text)
    text = text.lstrip("\n").rstrip()
    return text if _SEARCHABLE.search(text) else ""


def _clean_block(text: str) -> str:
    # All characters that are replaced are unprintable in the sense of `str`, so that this
    # test, which runs at memory speed, spares most pages everything else.
    if not text.replace("\n", " ").replace("\t", " ").isprintable():
        text = _replace(text)
    if " \n" in text or "\t\n" in text:
        text = "\n".join(map(str.rstrip, text.split("\n")))
    if "\n\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n\n", text)
    return text


def _replace(text: str) -> str:
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    odd = set(text) & _REPLACED.keys()
    # Where few kinds occur, as on any real page, a pass for each is many times faster than
    # `str.translate` is on text that is not ASCII.
    if len(odd) > _MANY_KINDS:
        text = text.translate(str.maketrans(_REPLACED))
    else:
        for character in sorted(odd):
            text = text.replace(character, str(_REPLACED[character]))
    if "\u200c" in text or "\u200d" in text:  # the neighbours are now those that stay
        text = _JOINERS.sub("", text)
    return text


def _clean_long(text: str) -> str:
    done: list[str] = []
    start = kept = 0
    while start < len(text):
        seam = _SEAM.search(text, start + _BLOCK)
        end = seam.start() + 1 if seam else len(text)
        block = text[start:end]
        cleaned = _clean_block(block)
        # What did not change is not copied: of a clean text, nothing is.
        if cleaned is not block:
            done += (text[kept:start], cleaned)
            kept = end
        start = end
    return "".join([*done, text[kept:]]) if done else text
