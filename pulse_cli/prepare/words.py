"""Text as BM25 should see it, the same for chunks and for queries.

Qdrant's BM25 takes runs of letters and digits as words, lower-cased. `bm25_text` writes the text
so that these runs are what people search for:

- Names out of code keep their parts and get the whole name, joined, beside them:
  `ERR_CONN_RESET` is also `ERRCONNRESET`, `foo.bar()` also `foobar`, `--max-old-space-size` also
  `maxoldspacesize`, `CVE-2024-1234` also `CVE20241234`. `getUserName`, which the engine takes as
  one word, is also `get User Name`, `std::unique_ptr` also `stduniqueptr`, and C++, C# and F# are
  also `cplusplus`, `csharp` and `fsharp`. Words of prose with one hyphen stay as they are.
- Characters are normalised (NFKC: ligatures, full and half width, Arabic forms, NFD) and
  case-folded. Accents and joiners that remain and would split a word for the engine go.
- Chinese, Japanese and Korean become pairs of neighbouring characters, as in Lucene's
  CJKAnalyzer; Thai, Lao, Khmer and Burmese pairs of written syllables. A word that is written
  as one character, between two others, is found by its pairs only.

Measured on articles of the Universal Declaration of Human Rights, 14 characters cut anywhere from
a paragraph find it again with this mean reciprocal rank: Thai 0.97 (0.44 with the engine's words,
0.60 with its multilingual tokenizer), Lao 0.97 (0.47, 0.04), Khmer 0.97 (0.70, 0.06), Burmese 0.85
(0.77, 0.25), Korean 1.00 (1.00, 1.00; of 8 characters 0.98 against 0.88). The price are two to five
times as many terms in those scripts.

The result is for the engine alone and is never shown: neither white space nor the order of words is
kept, for BM25 counts words wherever they stand. Text in ASCII stays as it is, and the other forms
of its names are added at its end; other words are written one by one. Both are remembered, since
few words make up most of any text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import filterfalse

VERSION = 2

LONGEST_NAME = 64  # characters; what is longer is data
LONGEST_REMEMBERED = 64  # characters; longer ones are seldom seen twice
MOST_REMEMBERED = 32_768  # words, of each kind; about 5 MB

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,}")
_HOST = re.compile(r"//[A-Za-z0-9_.-]+")
_APART = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) not in "_.-"}
_JOINTS = re.compile(r"[._-]+")
_SCOPED = re.compile(r"(?<![A-Za-z0-9_:])[A-Za-z_][A-Za-z0-9_]*(?:::~?[A-Za-z0-9_]+)+")
_SIGNED = {"C++": "cplusplus", "C#": "csharp", "F#": "fsharp"}
_SIGNS = (*_SIGNED, *map(str.lower, _SIGNED))
_SIGNED_NAME = re.compile(
    r"(?<![A-Za-z0-9_.#&/])(?:C\+\+(?!\+)|[CF]#(?![A-Za-z_#]))", re.IGNORECASE
)
_NO_LETTERS = re.compile(r"[^A-Za-z0-9]+")

# Marks and joiners that the engine takes for the end of a word.
_SPLITTING = re.compile(
    "[\u0300-\u0344\u0346-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
    "\u093c\u094d\u09bc\u09cd\u0a3c\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c4d\u0cbc\u0ccd\u0d4d"
    "\u0dca\u0e3a\u0e47-\u0e4e\u0eba\u0ec8-\u0ecd\u1037\u1039\u103a\u17c9-\u17d3\u17dd"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
_SIGMA = re.compile(r"\u03c3\b")
# Trade marks would be written into the name before them.
_ATTACHED = str.maketrans(dict.fromkeys("\u2120\u2122", " "))

# Ideographs, kana and Hangul, without punctuation.
_EAST_ASIAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_SYLLABLE = re.compile(
    # Thai and Lao: a vowel written first, a consonant, vowels and tones.
    "[\u0e40-\u0e44\u0ec0-\u0ec4]?[\u0e01-\u0e2e\u0e81-\u0eae\u0edc-\u0edf]"
    "[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ecd]*"
    # Khmer: a consonant, those written below it, vowels and signs.
    "|[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3]|[\u17b4-\u17d1\u17d3\u17dd])*"
    # Burmese: a consonant, those written below it, medials, vowels and tones.
    "|[\u1000-\u102a\u103f](?:\u1039[\u1000-\u1021]|[\u102b-\u1038\u103a-\u103e])*"
    "|[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1780-\u17d3\u17dd]"
)
_SOUTH_EAST_ASIAN = re.compile(
    "[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1780-\u17d3\u17dd]+"
)
_EAST_ASIAN_RUN = re.compile(f"[{_EAST_ASIAN}]+")
# Searching for one range is many times as fast as for all of them.
_MAY_BE_UNSPACED = re.compile("[\u0e01-\u17dd\u2e80-\U0003ffff]")


def bm25_text(text: str) -> str:
    """`text` for the BM25 engine, to which only letters, digits and blanks matter."""
    if "::" in text or any(map(text.__contains__, _SIGNS)):
        return " ".join((_words(text), *_names_with_signs(text)))
    return _words(text)


def _words(text: str) -> str:
    if text.isascii():
        return _with_forms_added(text)
    words = text.split()
    ascii_words = " ".join(filter(str.isascii, words))
    others = map(_written.__getitem__, filterfalse(str.isascii, words))
    return " ".join((_with_forms_added(ascii_words), *others))


def _names_with_signs(text: str) -> Iterator[str]:
    """Names that are joined by `::` or end in signs, as one word each."""
    for match in _SCOPED.finditer(text):
        if len(match[0]) <= LONGEST_NAME:
            yield _NO_LETTERS.sub("", match[0])
    for match in _SIGNED_NAME.finditer(text):
        yield _SIGNED[match[0].upper()]


def _with_forms_added(text: str) -> str:
    """ASCII text, and after it the other forms of all names in it."""
    searched = _HOST.sub(" ", text) if "//" in text else text
    names = searched.translate(_APART).split()
    return " ".join((text, *filter(None, map(_forms.__getitem__, names))))


class _Remembered(dict[str, str]):
    """Words and what `make` makes of them. Bounded; any may be forgotten at any time."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make

    def __missing__(self, word: str) -> str:
        made = self._make(word)
        if len(word) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[word] = made
        return made


def write_word(word: str) -> str:
    """A run without white space as the engine should see it. Linear in its length."""
    if not unicodedata.is_normalized("NFKC", word):
        word = unicodedata.normalize("NFKC", word.translate(_ATTACHED))
    word = _NAME.sub(_with_other_forms, word).casefold()
    # Folding removes the final sigma, which the engine's Greek knows.
    word = _SIGMA.sub("\u03c2", word)
    if _MAY_BE_UNSPACED.search(word):
        word = _EAST_ASIAN_RUN.sub(_pairs_of_characters, word)
        word = _SOUTH_EAST_ASIAN.sub(_pairs_of_syllables, word)
    return _SPLITTING.sub("", word)


def _pairs_of_characters(run: re.Match[str]) -> str:
    return _pairs(run[0])


def _pairs_of_syllables(run: re.Match[str]) -> str:
    return _pairs(_SYLLABLE.findall(run[0]))


def _pairs(items: str | list[str]) -> str:
    if len(items) < 2:
        return f" {''.join(items)} "
    return f" {' '.join(map(str.__add__, items, items[1:]))} "


def _with_other_forms(name: re.Match[str]) -> str:
    word, start = name[0], name.start()
    if name.string[max(0, start - 2) : start] == "//":
        return word  # the host of an address
    forms = _forms[word]
    return f"{word} {forms} " if forms else word


def other_forms(name: str) -> str:
    """The other forms of a name (of letters, digits, `_`, `.`, `-`), "" where there are none."""
    core = name.strip("._-")
    if core.isalpha() and core[1:].islower():
        return ""  # a word of prose, as most are
    if not 2 < len(name) <= LONGEST_NAME:
        return ""
    option = name.startswith("-")
    forms = []
    dotted = [part for part in core.split(".") if part]
    for part in dotted:
        pieces = [piece for piece in _JOINTS.split(part) if piece]
        if len(pieces) > 1 and ("_" in part or option or _is_code(pieces)):
            forms.append("".join(pieces))
        for piece in pieces:
            if piece.islower():
                continue
            humps = _HUMPS.split(piece)
            if len(humps) > 1:
                forms += [hump for hump in humps if len(hump) > 1]
    if len(dotted) > 1 and not all(len(part) == 1 or part.isdigit() for part in dotted):
        forms.append(_JOINTS.sub("", core))
    return " ".join(forms)


def _is_code(pieces: list[str]) -> bool:
    """Whether hyphens join a name (`CVE-2024-1234`, `gpt-4o-mini`), not words or a date."""
    whole = "".join(pieces)
    return not whole.isalpha() and not whole.isdigit()


_written = _Remembered(write_word)
_forms = _Remembered(other_forms)
