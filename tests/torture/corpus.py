"""Generated crawls for torture: everything that makes resuming hard, in few records.

About one record in ten repeats the page of an earlier one (grown, shrunk, or the same),
some are skipped, some cannot be read, some are refused by the embedder (`POISON`), some
have several chunks. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

POISON = "poisonous"
_TEXT = (
    "index page crawl vector query token chunk batch limit server store record offset letter"
    " watermark ledger commit resume signal socket thread buffer stream parser table column"
)
_WORDS = _TEXT.split()


@dataclass
class Page:
    """One version of a page."""

    url: str
    paragraphs: list[str]
    title: str = "t"

    def line(self) -> bytes:
        record = {
            "markdown": "\n\n".join(self.paragraphs),
            "metadata": {"url": self.url, "title": self.title, "statusCode": 200},
        }
        return json.dumps(record).encode()


@dataclass
class Crawl:
    """Lines of a JSONL file, and what is known of them."""

    lines: list[bytes] = field(default_factory=list)
    repeated: int = 0

    @property
    def data(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)


def paragraph(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(14, 22))) + "."


def page(rng: random.Random, url: str, most: int = 5) -> Page:
    count = rng.choice([1, 1, 1, 2, 3, most])
    return Page(url, [paragraph(rng) for _ in range(count)], rng.choice(_WORDS))


def other_version(rng: random.Random, url: str, before: Page) -> Page:
    """The same page, later: longer, shorter, changed or the same."""
    match rng.randrange(4):
        case 0:
            return before
        case 1:
            return Page(url, before.paragraphs[:1], before.title)
        case 2:
            more = [paragraph(rng) for _ in range(rng.randint(1, 4))]
            return Page(url, [*before.paragraphs, *more], before.title)
        case _:
            return page(rng, url)


def crawl(
    seed: int, pages: int, older: dict[str, Page] | None = None
) -> tuple[Crawl, dict[str, Page]]:
    """A crawl of about `pages` records; with `older`, most pages are versions of those.

    Returns it and the last readable version of each page.
    """
    rng = random.Random(seed)
    made = Crawl()
    latest: dict[str, Page] = dict(older or {})
    known = list(latest)
    for number in range(pages):
        kind = rng.random()
        url = f"https://site.example/{seed}/{number}"
        if known and kind < (0.6 if older else 0.12):
            url = rng.choice(known)
            made.repeated += 1
            latest[url] = other_version(rng, url, latest[url])
        elif kind < 0.82:
            latest[url] = page(rng, url)
            known.append(url)
        else:
            made.lines.append(_odd(rng, url))
            continue
        made.lines.append(latest[url].line())
    return made, latest


def _odd(rng: random.Random, url: str) -> bytes:
    match rng.randrange(6):
        case 0:
            return b'{"markdown": "cut off'
        case 1:
            return b""
        case 2:
            return json.dumps(
                {"markdown": "# Gone", "metadata": {"url": url, "statusCode": 404}}
            ).encode()
        case 3:
            return json.dumps({"markdown": "  ", "metadata": {"url": url}}).encode()
        case 4:
            return b'{"markdown": "no address", "metadata": {}}'
        case _:
            poisoned = Page(url, [paragraph(rng), f"{paragraph(rng)} {POISON}"])
            return poisoned.line()
