"""Which stemmer and stop words BM25 takes for a page, and which ones a collection was written with.

The name of a language in a page's metadata is a tag (`de`, `pt-BR`, `zh_Hans`; RFC 5646), a code of
three letters (ISO 639-2) or the English name.

Chinese and Japanese pages, and those in languages that the engine does not know, are weighed in the
language of the settings: their text is in pairs of characters (`prepare.words`), which a list of
stop words would take for words, and the foreign words in them are English more often than not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_cli.payload import LANGUAGE

LOOKED_AT = 3  # points of each language, to see which words of a query they hold

_CODES = {
    "arabic": "ar ara",
    "azerbaijani": "az aze",
    "basque": "eu eus baq",
    "bengali": "bn ben",
    "catalan": "ca cat",
    "danish": "da dan",
    "dutch": "nl nld dut",
    "english": "en eng",
    "finnish": "fi fin",
    "french": "fr fra fre",
    "german": "de deu ger",
    "greek": "el ell gre",
    "hebrew": "he heb iw",
    "hungarian": "hu hun",
    "indonesian": "id ind in",
    "italian": "it ita",
    "kazakh": "kk kaz",
    "nepali": "ne nep",
    "norwegian": "no nor nb nob nn nno",
    "portuguese": "pt por",
    "romanian": "ro ron rum",
    "russian": "ru rus",
    "slovene": "sl slv slovenian",
    "spanish": "es spa",
    "swedish": "sv swe",
    "tajik": "tg tgk",
    "turkish": "tr tur",
}
LANGUAGES = frozenset(_CODES) | {"chinese", "japanese", "hinglish"}
"""All that the engine knows."""

_NAMES = {code: name for name, codes in _CODES.items() for code in (name, *codes.split())}
_SUBTAG = re.compile(r"[-_,;/\s]")


def bm25_language(page: object, fallback: str) -> str:
    """The language that BM25 takes for a page whose metadata names `page`.

    `fallback` (`bm25.language`) is that of pages without a known language; "none" is for all.
    """
    if fallback == "none" or not isinstance(page, str):
        return fallback
    return _NAMES.get(_SUBTAG.split(page.strip().lower(), 1)[0], fallback)


@dataclass(frozen=True, slots=True)
class PageLanguages:
    """The languages that the pages of a collection were weighed in, the most common first.

    `names` holds what the metadata of pages calls each of them; `fallback` is that of all others.
    """

    names: Mapping[str, Sequence[str]]
    fallback: str

    def pages_in(self, language: str) -> dict[str, Any]:
        """The REST filter of the points of pages in `language`."""
        if language != self.fallback:
            return {"must": [_named(self.names[language])]}
        others = [name for own, names in self.names.items() if own != language for name in names]
        return {"must_not": [_named(others)]}


def page_languages(counted: Mapping[Any, int], points: int, fallback: str) -> PageLanguages:
    """Of a collection of `points`, with the number of points for each name of a language.

    The fallback is always one of them: pages may name no language, and an older version of pulse
    wrote all of them in it.
    """
    names: dict[str, list[str]] = {fallback: []}
    number = Counter({fallback: points})
    for name, count in counted.items():
        own = bm25_language(name, fallback)
        if own != fallback:
            names.setdefault(own, []).append(name)
            number[own] += count
            number[fallback] -= count
    ordered = sorted(names, key=lambda own: -number[own])
    return PageLanguages({own: names[own] for own in ordered}, fallback)


def _named(names: Sequence[str]) -> dict[str, Any]:
    return {"key": LANGUAGE, "match": {"any": list(names)}}
