"""Which pages a crawl holds, and which of its records were superseded, at 16 bytes a record.

An entry is the hash of a page key with the outcome of the record. The hash of its host is added
wherever the host changes. If the 120-bit hashes of two pages were equal, one of them might not be
pruned; nothing else could happen.

A record is superseded where a later record of the same page was indexed or found unchanged: the
index holds the last version of a page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pulse_cli.model import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]

HASH_BYTES = 15
ENTRY = [("hash", f"S{HASH_BYTES}"), ("kind", "S1")]
ENTRY_BYTES = HASH_BYTES + 1
BATCH = 1 << 18  # entries in one step
_KINDS: Mapping[Outcome | None, bytes] = {Outcome.INDEXED: b"i", Outcome.UNCHANGED: b"u"}
_HOST = "\0host\0"  # no key begins with NUL, so no page passes for a host


def host_of(key: str) -> str:
    """Host and port of a page key in lower case, "" where the key is no web address."""
    scheme, found, rest = key.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return ""
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return authority.rpartition("@")[2].lower()


def _entry(text: str, outcome: Outcome | None = None) -> bytes:
    # A hash must not end with NUL, which numpy's strings leave out.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[: HASH_BYTES - 1]
    return digest + b"#" + _KINDS.get(outcome, b"-")


class SeenWriter:
    """Turns page keys, in the order of the crawl, into entries."""

    def __init__(self) -> None:
        self._host = ""

    def entries(self, key: str, outcome: Outcome | None = None) -> bytes:
        """The entry of this page, and that of its host unless the page before had the same host."""
        host = host_of(key)
        if not host or host == self._host:
            return _entry(key, outcome)
        self._host = host
        return _entry(key, outcome) + _entry(_HOST + host)


class SeenPages:
    """The entries of `SeenWriter`, sorted: looked up in logarithmic time, without the keys."""

    def __init__(self, entries: bytes | bytearray) -> None:
        import numpy as np

        self._sorted = np.frombuffer(entries, dtype=ENTRY)["hash"].copy()
        self._sorted.sort()

    def pages(self, keys: Sequence[str]) -> Bools:
        """For each key whether the crawl holds it."""
        return self._among([_entry(key) for key in keys])

    def hosts(self, hosts: Sequence[str]) -> Bools:
        """For each host whether the crawl holds a page on it."""
        return self._among([_entry(_HOST + host) for host in hosts])

    def _among(self, entries: list[bytes]) -> Bools:
        import numpy as np

        wanted = np.array([entry[:HASH_BYTES] for entry in entries], dtype=self._sorted.dtype)
        if not len(self._sorted):
            return np.zeros(len(wanted), dtype=bool)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        found: Bools = self._sorted[at] == wanted
        return found


def superseded(read: Callable[[int, int], bytes], size: int, batch: int = BATCH) -> tuple[int, int]:
    """How many indexed records, and how many unchanged ones, were superseded later.

    `read(offset, n)` gives n bytes of the entries that `SeenWriter` made, `size` is their length.
    Blocking. Memory is bounded: a large crawl takes several passes, each over the hashes with
    certain first bytes.
    """
    import numpy as np

    passes = min(256, -(-size // (4 * batch * ENTRY_BYTES)))
    lost = np.zeros(2, np.int64)
    for number in range(passes):
        own = []
        for offset in range(0, size, batch * ENTRY_BYTES):
            data = read(offset, min(batch * ENTRY_BYTES, size - offset))
            first = np.frombuffer(data, np.uint8)[::ENTRY_BYTES]
            entries = np.frombuffer(data, dtype=ENTRY)
            counted = (entries["kind"] == b"i") | (entries["kind"] == b"u")
            own.append(entries[(first % passes == number) & counted])
        written = np.concatenate(own)[::-1]  # the last record of a page comes first
        _, last = np.unique(written["hash"], return_index=True)
        kept = np.zeros(len(written), bool)
        kept[last] = True
        lost += [((written["kind"] == kind) & ~kept).sum() for kind in (b"i", b"u")]
    return int(lost[0]), int(lost[1])
