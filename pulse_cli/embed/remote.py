"""An embedder over HTTP, for every interface: sends texts, checks vectors, repeats single texts.

If a request of several texts is refused, the caller splits it. A single text is tried a second
time here: with `truncate`, if the server finds it too long and can truncate; unchanged, if its
vector was invalid, because devices in half precision produce NaN now and then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from pulse_cli.embed.answers import QuickNumbers, matrix
from pulse_cli.embed.refusals import refusal
from pulse_cli.errors import Fatal, Kind, Rejected
from pulse_cli.model import EmbedLimits, Vectors
from pulse_cli.net.address import Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client

if TYPE_CHECKING:
    from pulse_cli.model import Floats

EMBEDDER = Peer("the embedder", "embed.url", "embed.api_key")
PROBE = "a"  # one token in every tokenizer


class Dialect(Protocol):
    """The interface of one kind of server."""

    @property
    def path(self) -> str: ...
    @property
    def health(self) -> tuple[str, range]:
        """A path, and the statuses that mean the server is up."""
        ...

    @property
    def can_truncate(self) -> bool:
        """Whether `body(truncate=True)` makes the server cut long texts."""
        ...

    @property
    def bare_array(self) -> bool:
        """Whether an answer is just the array of the vectors."""
        ...

    def body(self, texts: Sequence[str], *, truncate: bool) -> Mapping[str, Any]: ...
    def rows(self, value: Any) -> list[Any] | None:
        """The vectors of an answer in the order of the texts; None if it holds none."""
        ...


@dataclass(frozen=True, slots=True)
class Properties:
    """What is known of an embedder once it is open."""

    model: str
    dimension: int
    limits: EmbedLimits
    document_prefix: str
    query_prefix: str


class RemoteEmbedder:
    """An `Embedder` over HTTP."""

    def __init__(self, client: Client, dialect: Dialect, properties: Properties) -> None:
        self.client = client
        self._dialect = dialect
        self._properties = properties
        self._numbers = QuickNumbers()

    @property
    def model(self) -> str:
        return self._properties.model

    @property
    def dimension(self) -> int:
        return self._properties.dimension

    @property
    def limits(self) -> EmbedLimits:
        return self._properties.limits

    async def embed(self, texts: Sequence[str]) -> Vectors:
        prefix = self._properties.document_prefix
        return await self._embed([prefix + text for text in texts] if prefix else list(texts))

    async def embed_query(self, text: str) -> Floats:
        vectors = await self._embed([self._properties.query_prefix + text])
        row: Floats = vectors.rows[0]
        return row

    async def ready(self) -> bool:
        path, statuses = self._dialect.health
        return await self.client.answers(path, statuses)

    async def close(self) -> None:
        await self.client.close()

    async def _embed(self, texts: list[str]) -> Vectors:
        try:
            return await self._request(texts)
        except Rejected as refused:
            if len(texts) == 1 and refused.reason == "too-long" and self._dialect.can_truncate:
                return replace(await self._request(texts, truncate=True), truncated=1)
            if len(texts) == 1 and refused.reason == "bad-vector":
                return await self._request(texts, again=True)
            raise

    async def _request(
        self, texts: list[str], *, truncate: bool = False, again: bool = False
    ) -> Vectors:
        answer = await post(self.client, self._dialect, texts, truncate=truncate)
        array = self._vectors(answer, len(texts))
        if array.shape[1] != self.dimension:
            self._refuse_dimension(array.shape[1], sure=again or len(texts) > 1)
        headers = answer.headers
        queue_s, work_s = (_seconds(headers, f"x-{n}-time") for n in ("queue", "inference"))
        return Vectors(array, 0, queue_s, work_s)

    def _vectors(self, answer: Answer, count: int) -> Floats:
        if answer.status == 200 and self._dialect.bare_array:
            array = self._numbers.matrix(answer.body, count)
            if array is not None:
                return array
        rows = vector_rows(answer, self._dialect, count)
        return matrix(rows, count, self.client.address.shown)

    def _refuse_dimension(self, got: int, *, sure: bool) -> None:
        where = self.client.address.shown
        message = f"{where} now makes vectors of {got} numbers, not {self.dimension}"
        if not sure:
            raise Rejected(message, reason="bad-vector")
        raise Fatal(
            f"{message}: another model is behind the same address",
            hint="restore the model, or index into another collection",
            kind=Kind.DIMENSION,
        )


async def post(client: Client, dialect: Dialect, texts: Sequence[str], *, truncate: bool) -> Answer:
    """Send texts to be embedded. Raises Rejected where they are not Unicode."""
    try:
        body = orjson.dumps(dialect.body(texts, truncate=truncate))
    except orjson.JSONEncodeError as error:
        raise Rejected(f"the text cannot be sent: {error}", reason="not-unicode") from None
    return await client.post(dialect.path, body)


def vector_rows(answer: Answer, dialect: Dialect, texts: int) -> list[Any]:
    """The unchecked vectors of an answer. Raises the error that the answer stands for."""
    if answer.status != 200:
        raise refusal(answer, texts)
    rows = dialect.rows(answer.json())
    if rows is None:
        raise answer.malformed("vectors")
    return rows


async def probe(client: Client, dialect: Dialect) -> tuple[int, Answer]:
    """Embed a text of one token. Returns the dimension, and the answer.

    Raises Transient, and Fatal where the server refuses even that.
    """
    answer = await post(client, dialect, [PROBE], truncate=dialect.can_truncate)
    where = client.address.shown
    try:
        return matrix(vector_rows(answer, dialect, 1), 1, where).shape[1], answer
    except Rejected as refused:
        raise Fatal(
            f"{where} cannot embed even the text {PROBE!r}: {refused}",
            hint="look at the server's log; check that it serves embed.model",
            kind=Kind.REFUSED,
        ) from None


def _seconds(headers: Mapping[str, str], name: str) -> float | None:
    """A header of milliseconds in seconds."""
    try:
        return int(headers[name]) / 1000
    except (KeyError, ValueError):
        return None
