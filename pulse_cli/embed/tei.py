"""Embeddings by a text-embeddings-inference server (TEI).

The limits of the server come from `GET /info`, its dimension from one embedding. Texts are sent
with `truncate: false`, so that no text is cut unnoticed. A text that the server finds too long is
sent again, alone, with `truncate: true`, and counted as truncated. TEI answers whole requests or
nothing, so a request can always be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pulse_cli.embed.refusals import refusal
from pulse_cli.embed.remote import EMBEDDER, PROBE, Dialect, Properties, RemoteEmbedder, probe
from pulse_cli.errors import Fatal, Kind, Transient
from pulse_cli.model import EmbedLimits
from pulse_cli.net.address import Address
from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client

# Escaping at most doubles cleaned text, so a body stays below 1 MB. That is half of TEI's payload
# limit (which /info does not report), and can be sent without blocking the event loop. It keeps
# any device busy, even with texts of 8,192 tokens.
_BATCH_BYTES = 480_000


async def open_tei(
    url: str,
    *,
    api_key: str | None = None,
    timeout: float = 120.0,  # noqa: ASYNC109 - of each later request, not of this call
    connect_timeout: float = 5.0,
    document_prefix: str = "",
    query_prefix: str = "",
    trust_env: bool = False,
    batch: int | None = None,
) -> TeiEmbedder:
    """Connect, read the limits and probe the model. Close what is returned.

    `timeout` is the total time of one request in seconds, `batch` an upper limit of texts
    per request. Raises Transient where the server is not up, Fatal where it is the wrong one.
    """
    address = Address.parse(url, EMBEDDER, api_key)
    client = Client(address, timeout=timeout, connect_timeout=connect_timeout, trust_env=trust_env)
    dialect = _Tei()
    try:
        with client.first_contact():
            info = await _read_info(client)
            dimension, answer = await probe(client, dialect)
            overhead = await _probe_tokenizer(client, answer)
    except BaseException:
        await client.close()
        raise
    limits = _limits(info, batch, overhead.prompt)
    properties = Properties(info.model, dimension, limits, document_prefix, query_prefix)
    return TeiEmbedder(client, dialect, properties, overhead)


@dataclass(frozen=True, slots=True)
class Overhead:
    """Tokens that the server adds to each text: `special` ones and a default `prompt`.

    `in_tokenize`: how many of the prompt's also appear in answers of `/tokenize`.
    `special` is None where the server has no `/tokenize`.
    """

    special: int | None = None
    prompt: int = 0
    in_tokenize: int = 0


class TeiEmbedder(RemoteEmbedder):
    """An `Embedder` that also knows what its server adds to each text."""

    def __init__(
        self, client: Client, dialect: Dialect, properties: Properties, overhead: Overhead
    ) -> None:
        super().__init__(client, dialect, properties)
        self.overhead = overhead


@dataclass(frozen=True, slots=True)
class _Tei:
    path: str = "/embed"
    health: tuple[str, range] = ("/health", range(200, 201))
    can_truncate: bool = True
    bare_array: bool = True

    def body(self, texts: Sequence[str], *, truncate: bool) -> Mapping[str, Any]:
        return {"inputs": texts, "truncate": truncate}

    def rows(self, value: Any) -> list[Any] | None:
        return value if isinstance(value, list) else None


@dataclass(frozen=True, slots=True)
class _Info:
    """The fields of `/info` that are used; the defaults are those of the server."""

    model: str = "tei"
    max_concurrent_requests: int = 512
    max_client_batch_size: int = 32
    max_input_length: int = 512


async def _read_info(client: Client) -> _Info:
    answer = await client.get("/info")
    if answer.status == 404:
        return _Info()  # hidden by a proxy: the defaults are the best guess
    if answer.status != 200:
        raise refusal(answer, 0)
    value = answer.json()
    if not isinstance(value, dict):
        raise answer.malformed("the properties of a TEI server")
    _check_model_type(value.get("model_type"), client.address.shown)
    numbers = {
        name: value[name]
        for name in ("max_concurrent_requests", "max_client_batch_size", "max_input_length")
        if type(value.get(name)) is int and value[name] > 0
    }
    return _Info(model=str(value.get("model_id") or "tei"), **numbers)


def _check_model_type(model_type: Any, where: str) -> None:
    if not isinstance(model_type, dict):
        return
    embedding = model_type.get("embedding")
    pooling = embedding.get("pooling") if isinstance(embedding, dict) else None
    if (model_type and embedding is None) or pooling == "splade":
        kind = "SPLADE model" if pooling == "splade" else next(iter(model_type))
        raise Fatal(
            f"{where} serves a {kind}, which makes no dense vectors",
            hint="point embed.url to a server with an embedding model",
            kind=Kind.MODEL,
        )


async def _probe_tokenizer(client: Client, embedded: Answer) -> Overhead:
    """What the server adds to a text: from `/tokenize` and the token count of the probe.

    A server with a default prompt puts it before the text in both. If it does so only when
    embedding, the count of the probe is the higher one.
    """
    answer = await client.post("/tokenize", orjson.dumps({"inputs": [PROBE]}))
    if answer.status != 200:
        error = refusal(answer, 1)
        if isinstance(error, Transient):
            raise error
        return Overhead()
    try:
        row = answer.json()[0]
        special = sum(1 for token in row if token["special"])
    except (LookupError, TypeError):
        return Overhead()
    in_tokenize = max(0, len(row) - special - 1)
    try:
        in_embed = int(embedded.headers["x-compute-tokens"]) - special - 1
    except (KeyError, ValueError):
        in_embed = 0
    return Overhead(special, max(in_tokenize, in_embed), in_tokenize)


def _limits(info: _Info, batch: int | None, prompt: int) -> EmbedLimits:
    """TEI gives each text a permit, and refuses a request for which it has too few.

    One request uses at most half of all permits, all requests three quarters: other clients may
    use the same server. More than 32 texts per request gain nothing.
    """
    permits = info.max_concurrent_requests
    b = max(1, min(info.max_client_batch_size, batch or 32, 32, permits // 2))
    in_flight = max(1, (3 * permits) // (4 * b))
    return EmbedLimits(
        batch=b,
        batch_bytes=_BATCH_BYTES,
        in_flight=in_flight,
        start=min(2, in_flight),
        max_tokens=max(1, info.max_input_length - prompt),
    )
