"""Which pages a crawl holds, at 16 bytes a page.

What is kept are hashes of page keys, and of the hosts they are on (once wherever the host
changes). A page that is not held could pass for one that is only if two 128-bit hashes were
equal, and then it would merely not be pruned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]

HASH_BYTES = 16
_HOST = "\0host\0"  # no key begins with NUL, so no page passes for a host


def host_of(key: str) -> str:
    """Host and port of a page key in lower case, "" where it is no address of the web."""
    scheme, found, rest = key.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return ""
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return authority.rpartition("@")[2].lower()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:HASH_BYTES]


class SeenWriter:
    """Turns keys, in the order of the crawl, into what is kept of them."""

    def __init__(self) -> None:
        self._host = ""

    def entries(self, key: str) -> bytes:
        """The hash of this page, and of its host unless the page before was on it."""
        host = host_of(key)
        if not host or host == self._host:
            return _hash(key)
        self._host = host
        return _hash(key) + _hash(_HOST + host)


class SeenPages:
    """What `SeenWriter` made, sorted: membership in logarithmic time, no copy of the keys."""

    def __init__(self, entries: bytes | bytearray) -> None:
        import numpy as np

        self._sorted = np.frombuffer(bytearray(entries), dtype=f"S{HASH_BYTES}")
        self._sorted.sort()

    def pages(self, keys: Sequence[str]) -> Bools:
        """For each key whether the crawl holds it."""
        return self._among([_hash(key) for key in keys])

    def hosts(self, hosts: Sequence[str]) -> Bools:
        """For each host whether the crawl holds a page on it."""
        return self._among([_hash(_HOST + host) for host in hosts])

    def _among(self, hashes: list[bytes]) -> Bools:
        import numpy as np

        wanted = np.array(hashes, dtype=self._sorted.dtype)
        if not len(self._sorted):
            return np.zeros(len(wanted), dtype=bool)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        found: Bools = self._sorted[at] == wanted
        return found
