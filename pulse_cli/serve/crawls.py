"""Crawls and batch scrapes whose events arrived: which pages came, and whether they have ended.

Guarantees: what is noted here is on disk before the segment that told it is removed, so a crawl
that is under way is known after any crash, and can be asked about at the next start. A page is
noted by the hash of its address, each time it comes; how many came is counted without doubles,
so it is never too high, and a loss of notes can only make it too low.

`crawls.json` holds the crawls, `<id>.pages` the hashes of their pages (8 bytes each).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import orjson

from pulse_cli.atomic_file import write_atomically

HASH_BYTES = 8
QUIET_S = 25 * 60.0
"""After which a crawl that tells nothing is asked about: Firecrawl gives up after 21 minutes."""
CRAWL, BATCH = "crawl", "batch_scrape"
_PATHS = {CRAWL: "crawl", BATCH: "batch/scrape"}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MARK = re.compile(rb'\{"pulse_crawl":"(crawl|batch_scrape)/([A-Za-z0-9_-]+)"')
_END = re.compile(rb'"type":"(?:crawl|batch_scrape)\.(completed|failed)"')


@dataclass(slots=True)
class Crawl:
    """A crawl. Times are seconds since 1970. `ended` is `completed`, `failed` or empty.

    `kind` is CRAWL or BATCH. `ask_at`: when Firecrawl is to be asked about it.
    """

    kind: str
    id: str
    began: float
    heard: float
    ask_at: float
    ended: str = ""

    @property
    def path(self) -> str:
        """Where Firecrawl's API tells of it."""
        return f"{_PATHS[self.kind]}/{self.id}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line of the inbox comes from. `ended` is set on the line that ends a crawl."""

    kind: str = ""
    id: str = ""
    ended: str = ""


def mark(line: bytes, event_type: str, event_id: str) -> bytes:
    """The line, a JSON object, with where it comes from; as it is where that cannot be told."""
    kind = event_type.partition(".")[0]
    if kind not in (CRAWL, BATCH) or not _ID.fullmatch(event_id) or len(line) <= len(b"{}"):
        return line
    return b'{"pulse_crawl":"%b/%b",%b' % (kind.encode(), event_id.encode(), line[1:])


def origin(line: bytes) -> Origin:
    """Of a line that `mark` wrote."""
    found = _MARK.match(line)
    if found is None:
        return Origin()
    end = _END.match(line, found.end() + 1)
    return Origin(found[1].decode(), found[2].decode(), end[1].decode() if end else "")


class Crawls:
    """See the module docstring. Methods that touch the disk are blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Crawl] = {}
        self._writing = Lock()  # several threads keep it; what was noted first is written first

    def load(self) -> None:
        """Take up what an earlier process knew; all of it is to be asked about now."""
        try:
            told = orjson.loads((self._folder / "crawls.json").read_bytes())
        except FileNotFoundError:
            return
        now = time.time()
        self._known = {one["id"]: Crawl(**{**one, "ask_at": now}) for one in told}

    def note(self, of: Origin, urls: Iterable[str], *, ask_in: float) -> None:
        """Pages of a crawl came, and perhaps its end (`of.ended`). `keep` must follow."""
        now = time.time()
        crawl, ended = of.id, of.ended
        found = self._known.setdefault(crawl, Crawl(of.kind, crawl, now, now, now))
        found.heard, found.ask_at = now, now + ask_in
        if ended:
            found.ended, found.ask_at = ended, now
        hashes = b"".join(_hash(url) for url in urls)
        if hashes:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._pages(crawl).open("ab") as file:
                file.write(hashes)

    def keep(self) -> None:
        """Write down which crawls are known."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._writing:
            known = [asdict(one) for one in self.known]
            write_atomically(self._folder / "crawls.json", orjson.dumps(known))

    def received(self, crawl: str) -> int:
        """How many different pages of it came."""
        try:
            data = self._pages(crawl).read_bytes()
        except FileNotFoundError:
            return 0
        whole = len(data) - len(data) % HASH_BYTES
        return len({data[at : at + HASH_BYTES] for at in range(0, whole, HASH_BYTES)})

    def forget(self, crawl: str) -> None:
        """It is done with."""
        self._known.pop(crawl, None)
        self._pages(crawl).unlink(missing_ok=True)
        self.keep()

    @property
    def known(self) -> Sequence[Crawl]:
        return tuple(self._known.values())

    def next_ask(self) -> float | None:
        """When the next of them is to be asked about."""
        return min((one.ask_at for one in self.known), default=None)

    def due(self) -> Crawl | None:
        """The crawl that has waited longest to be asked about, if it is time."""
        first = min(self.known, key=lambda one: one.ask_at, default=None)
        return first if first is not None and first.ask_at <= time.time() else None

    def _pages(self, crawl: str) -> Path:
        return self._folder / f"{crawl}.pages"


def _hash(url: str) -> bytes:
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()
