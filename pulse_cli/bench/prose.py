"""Pages of markdown made up from a seed, for benchmarks without a corpus.

The same seed gives the same pages. They have what cleaning, cutting and counting meet in real
documentation: headings, paragraphs, lists, tables, code, links, other scripts, emoji. Lengths
are log-normal: of crawled documentation the longest twentieth is about nine times the median.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

SHORTEST, LONGEST = 200, 200_000
SIGMA = math.log(9) / 1.645  # the 95th percentile stands 1.645 deviations above the median

# ruff: noqa: SIM905 - a list of six lines reads better than one of three hundred
_COMMON = (
    "the of and to a in is that for it as with on be by this are or an from at not can if you "
    "when which will each may all one has but no more than then its your use used only into "
    "other also after must any two they before between these same where their was should so"
).split()
_ROOTS = (
    "account action address agent alias answer archive array backup balance batch block branch "
    "bucket buffer build bundle byte cache call capture cell channel chart check client cloud "
    "cluster code column command commit compile config connect consent container context copy "
    "core count crawl cursor data debug default define delete deploy detail device digest disk "
    "document domain draft drive edge edit embed encode engine entry error event expect export "
    "extend fail feature field file filter flag flow folder format forward frame function "
    "gateway graph group guard handle header heap host hybrid image import index infer inform "
    "input insert install integrate join journal kernel key label latency layer learn ledger "
    "library limit link list listen load lock log loop map mark match measure memory merge "
    "message method metric migrate mirror mode model module monitor mount move name network "
    "node normal note notify object observe offset open operate option order output overlap "
    "package page panel parse partition pass patch path pattern payload permit pipe plan plugin "
    "point policy pool port present process profile project prompt protect protocol provide "
    "proxy publish query queue quota range rank rate read record recover reduce region register "
    "release remote render repeat replica report request reserve reset resolve resource respond "
    "restore result retry return review role rollback root rotate route row rule run sample "
    "scale schedule schema scope score script search secret segment select send sequence server "
    "session set shard share signal size slot snapshot socket sort source space split stage "
    "state step storage store stream string structure submit subscribe support switch symbol "
    "sync system table tag target task tenant test thread throttle ticket timeout token tool "
    "trace track transfer transform trigger tune type unit update upload user validate value "
    "vector version view volume wait watch weight window worker wrap write zone"
).split()
_ENDINGS = ("", "s", "ed", "ing", "er", "able", "ation", "less", "-only", "_id", "Name")
_PREFIXES = ("", "", "", "re", "pre", "un", "sub", "multi", "auto")
_OTHER = (
    "Der Ablauf wird an derselben Stelle fortgesetzt, ohne daß etwas verlorengeht.",
    "La requête est répétée jusqu'à ce que le serveur réponde à nouveau.",
    "El índice se actualiza después de cada escritura confirmada.",
    "Журнал сохраняется на диск прежде, чем запрос считается выполненным.",
    "検索インデックスは、書き込みが完了した後に更新されます。",
    "如果服务器返回错误,请求将在短暂等待后重试。",
    "서버가 응답하지 않으면 요청을 다시 보냅니다.",
    "يتم حفظ الفهرس على القرص بعد كل عملية كتابة.",
    "Done ✅ — next: naïve café façade, 5 µs ≤ t < 1 ms 🚀",
)
_LANGUAGES = ("python", "bash", "json", "yaml", "")


@dataclass(frozen=True, slots=True)
class Page:
    """One generated page."""

    url: str
    title: str
    text: str


def pages(count: int, median: int, seed: int = 0) -> Iterator[Page]:
    """`count` pages whose median length is about `median` characters (of 200 to 200,000)."""
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        length = int(median * math.exp(rng.gauss(0, SIGMA)))
        yield _page(number, min(max(length, SHORTEST), LONGEST), rng)


def _page(number: int, length: int, rng: random.Random) -> Page:
    writer = _Writer(rng)
    title = writer.words(rng.randint(2, 6)).capitalize()
    parts = [f"# {title}"]
    left = length - len(title)
    while left > 0:
        part = writer.block()
        parts.append(part)
        left -= len(part) + 2
    url = f"https://docs{number % 7}.example.com/{writer.slug()}/{writer.slug()}-{number}"
    return Page(url, title, "\n\n".join(parts)[:length])


class _Writer:
    """Blocks of markdown. Words follow Zipf's law, the common ones first."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def words(self, count: int) -> str:
        return " ".join(self._rng.choices(_WORDS, cum_weights=_WEIGHTS, k=count))

    def slug(self) -> str:
        return self._rng.choice(_ROOTS)

    def block(self) -> str:
        kinds = (self._paragraph, self._heading, self._list, self._code, self._table, self._other)
        (kind,) = self._rng.choices(kinds, weights=(50, 14, 12, 12, 5, 7))
        return kind()

    def _sentence(self) -> str:
        text = self.words(self._rng.randint(6, 24))
        if self._rng.random() < 0.08:
            text += f" ([{self.words(2)}](https://example.com/{self.slug()}#{self.slug()}))"
        if self._rng.random() < 0.1:
            text += f" `{self.slug()}_{self.slug()}`"
        return text[:1].upper() + text[1:] + "."

    def _paragraph(self) -> str:
        return " ".join(self._sentence() for _ in range(self._rng.randint(1, 6)))

    def _heading(self) -> str:
        level = self._rng.choice((2, 2, 3, 3, 3, 4))
        return f"{'#' * level} {self.words(self._rng.randint(1, 5)).capitalize()}"

    def _list(self) -> str:
        mark = self._rng.choice(("-", "*", "1."))
        items = range(self._rng.randint(2, 8))
        return "\n".join(f"{mark} {self.words(self._rng.randint(3, 14))}" for _ in items)

    def _code(self) -> str:
        lines = []
        for _ in range(self._rng.randint(2, 14)):
            a, b, c = (self._rng.choice(_ROOTS) for _ in range(3))
            number = self._rng.randrange(10_000)
            lines.append("    " * self._rng.randrange(3) + f"{a}_{b} = {c}({a!r}, {number})")
        return f"```{self._rng.choice(_LANGUAGES)}\n" + "\n".join(lines) + "\n```"

    def _table(self) -> str:
        columns = self._rng.randint(2, 4)
        rows = [[self.words(1 + self._rng.randrange(3)) for _ in range(columns)]]
        rows.append(["---"] * columns)
        for _ in range(self._rng.randint(2, 8)):
            rows.append([self.words(1 + self._rng.randrange(5)) for _ in range(columns)])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _other(self) -> str:
        return " ".join(self._rng.choices(_OTHER, k=self._rng.randint(1, 3)))


def _vocabulary() -> tuple[list[str], list[float]]:
    rare = [p + root + end for end in _ENDINGS for p in dict.fromkeys(_PREFIXES) for root in _ROOTS]
    random.Random(0).shuffle(rare)
    words = _COMMON + _ROOTS + rare
    return words, list(accumulate((rank + 2.7) ** -1.25 for rank in range(len(words))))


_WORDS, _WEIGHTS = _vocabulary()
