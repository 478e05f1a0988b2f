"""One vector for all texts that are the same: each is embedded once while it is remembered.

Pages that stand at several addresses (mirrors, http and https, print views) are cut into the same
chunks. What is compared is the whole text as it is sent, context included, and the vectors of one
run are of one model, so no vector is shared by texts or models that differ.

Memory is bounded: the newest vectors are kept, in `MOST_BYTES`. That is 9,600 chunks of 384
dimensions or 3,900 of 1,024. A text that comes again later than that is embedded again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from pulse_cli.model import Vectors
from pulse_cli.ports import Embedder

if TYPE_CHECKING:
    from pulse_cli.model import Floats

MOST_BYTES = 16 << 20
_KEY_BYTES = 200  # what is kept of a text besides


class SharedVectors:
    """In front of the embedder of one run."""

    def __init__(self, embedder: Embedder, most_bytes: int = MOST_BYTES) -> None:
        self._embedder = embedder
        self._most = max(1, most_bytes // (4 * embedder.dimension + _KEY_BYTES))
        self._rows: Floats | None = None  # the newest takes the place of the oldest
        self._texts: list[tuple[int, bytes]] = []  # hash and digest of the text of each row
        self._places: dict[int, int] = {}  # by the hash, which a string computes only once
        self._next = 0
        self._under_way: dict[str, asyncio.Future[None]] = {}

    def known(self, text: str) -> Floats | None:
        """The vector of a text that was embedded before, to be copied at once."""
        if self._rows is None or (place := self._places.get(hash(text))) is None:
            return None
        if self._texts[place][1] != _digest(text):
            return None
        row: Floats = self._rows[place]
        return row

    async def embed(self, texts: Sequence[str]) -> tuple[Vectors, bool]:
        """The vectors of `texts`, and whether the embedder was asked for any of them.

        A text that another request has asked for is waited for, as long as that request takes. If
        that fails, it is asked for again here. Raises what the embedder raises.
        """
        import numpy as np  # costs nothing here: the embedder has loaded it

        found: dict[str, Floats] = {}
        answer: Vectors | None = None
        while missing := self._missing(texts, found):
            asked = [text for text in missing if text not in self._under_way]
            others = {self._under_way[text] for text in missing if text in self._under_way}
            if asked:
                answer = await self._ask(asked)
                if len(asked) == len(texts):
                    return answer, True
                found.update(zip(asked, answer.rows, strict=True))
            if others:
                await asyncio.wait(others)
        rows = np.stack([found[text] for text in texts])
        if answer is None:
            return Vectors(rows), False
        return Vectors(rows, answer.truncated, answer.queue_s, answer.work_s), True

    def _missing(self, texts: Sequence[str], found: dict[str, Floats]) -> list[str]:
        """Texts that are neither in `found` nor remembered; those that are remembered go there."""
        missing = []
        for text in dict.fromkeys(texts):
            if text in found:
                continue
            if (row := self.known(text)) is None:
                missing.append(text)
            else:
                found[text] = row.copy()
        return missing

    async def _ask(self, texts: Sequence[str]) -> Vectors:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.update(dict.fromkeys(texts, done))
        try:
            answer = await self._embedder.embed(texts)
            if not answer.truncated:  # each page that is cut is to be counted
                self._keep(texts, answer.rows)
            return answer
        finally:
            for text in texts:
                del self._under_way[text]
            done.set_result(None)

    def _keep(self, texts: Sequence[str], rows: Floats) -> None:
        if self._rows is None:
            import numpy as np

            self._rows = np.empty((self._most, rows.shape[1]), np.float32)
        for text, row in zip(texts, rows, strict=True):
            key, place = (hash(text), _digest(text)), self._next
            if len(self._texts) < self._most:
                self._texts.append(key)
            else:
                if self._places.get(self._texts[place][0]) == place:
                    del self._places[self._texts[place][0]]
                self._texts[place] = key
            self._rows[place] = row
            self._places[key[0]] = place
            self._next = (place + 1) % self._most


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
