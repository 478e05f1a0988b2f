"""Counts tokens by asking the TEI server: always right, but with a request for each count.

It serves models whose tokenizer file is not available. `/tokenize` takes no permit, so it does not
compete with embedding. A default prompt of the server is in its answers and is subtracted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import orjson

from pulse_cli.embed.refusals import refusal
from pulse_cli.embed.tei import TeiEmbedder
from pulse_cli.errors import Fatal, Kind, Rejected, Transient
from pulse_cli.net.answer import Answer
from pulse_cli.net.blocking import Ask, connection
from pulse_cli.net.client import CONNECT_S, Client

_TRIES = 6


class TeiTokenizer:
    """A `TokenCounter` on the server of an embedder. Thread-safe."""

    def __init__(
        self,
        tei: TeiEmbedder,
        *,
        timeout: float = 60.0,
        connect_timeout: float = CONNECT_S,
        trust_env: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises Fatal where the server cannot tokenize."""
        address = tei.client.address
        if tei.overhead.special is None:
            raise Fatal(
                f"{address.shown} cannot count tokens (no /tokenize)",
                hint="name the model's tokenizer: chunk.tokenizer",
                kind=Kind.MODEL,
            )
        self._special = tei.overhead.special
        self._prompt = tei.overhead.in_tokenize
        self._name = f"tei:{tei.model}"
        self._batch, self._batch_bytes = tei.limits.batch, tei.limits.batch_bytes
        self._sleep = sleep
        self._connect = lambda: Client(
            address, timeout=timeout, connect_timeout=connect_timeout, trust_env=trust_env
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def special(self) -> int:
        return self._special

    @property
    def breaks(self) -> frozenset[str]:
        return frozenset()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special ones left out. Raises Transient, Rejected, Fatal."""
        try:
            return self._count(texts)
        except Rejected as error:
            if error.max_batch is None or error.max_batch >= self._batch:
                raise
            self._batch = error.max_batch
        return self.count(texts)

    def _count(self, texts: Sequence[str]) -> list[int]:
        counts = [0] * len(texts)
        with connection(self._connect) as ask:
            for numbers in _batches(texts, self._batch, self._batch_bytes):
                answer = self._persistently(ask, [texts[i] for i in numbers])
                for i, n in zip(numbers, _counts(answer, len(numbers)), strict=True):
                    counts[i] = n - self._prompt
        return counts

    def _persistently(self, ask: Ask, texts: list[str]) -> Answer:
        body = _body(texts)
        for attempt in range(_TRIES):
            try:
                answer = ask("POST", "/tokenize", body)
                if answer.status == 200:
                    return answer
                raise refusal(answer, len(texts))
            except Transient as error:
                if attempt == _TRIES - 1:
                    raise
                self._sleep(error.retry_after or 0.25 * 2**attempt)
        raise AssertionError("unreachable")


async def same_counts(tei: TeiEmbedder, sample: Sequence[str], counts: Sequence[int]) -> bool:
    """Whether the server counts the same tokens in each text of the sample.

    `counts` are without special tokens, as a `TokenCounter` counts. False also where the server
    has no `/tokenize`. Raises Transient.
    """
    if tei.overhead.special is None:
        return False
    expected = [n + tei.overhead.in_tokenize for n in counts]
    for numbers in _batches(sample, tei.limits.batch, tei.limits.batch_bytes):
        answer = await tei.client.post("/tokenize", _body([sample[i] for i in numbers]))
        if answer.status != 200:
            error = refusal(answer, len(numbers))
            if isinstance(error, Transient):
                raise error
            return False
        if _counts(answer, len(numbers)) != [expected[i] for i in numbers]:
            return False
    return True


def _body(texts: Sequence[str]) -> bytes:
    return orjson.dumps({"inputs": texts, "add_special_tokens": False})


def _batches(texts: Sequence[str], most: int, most_bytes: int) -> Iterator[list[int]]:
    """Indices of the texts in batches; empty texts, which the server refuses, are left out."""
    batch: list[int] = []
    size = 0
    for i, text in enumerate(texts):
        if not text:
            continue
        length = len(text.encode("utf-8", "replace"))
        if batch and (len(batch) == most or size + length > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(i)
        size += length
    if batch:
        yield batch


def _counts(answer: Answer, texts: int) -> list[int]:
    rows = answer.json()
    if not isinstance(rows, list) or len(rows) != texts or not all(map(_is_list, rows)):
        raise answer.malformed(f"the tokens of {texts} texts")
    return [len(row) for row in rows]


def _is_list(value: object) -> bool:
    return isinstance(value, list)
