"""Embeddings by any server with the OpenAI interface `/v1/embeddings`.

Such servers do not report their limits, so the limits are modest unless set. If the server refuses
a request as too large, the caller sends less. Vectors are requested as numbers
(`encoding_format: float`), which every server supports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_cli.embed.refusals import refusal
from pulse_cli.embed.remote import EMBEDDER, Properties, RemoteEmbedder, probe
from pulse_cli.errors import Fatal, Kind, Transient
from pulse_cli.model import EmbedLimits
from pulse_cli.net.address import Address
from pulse_cli.net.client import Client

_BATCH_BYTES = 480_000  # a body stays below 1 MB, escapes included
_IN_FLIGHT = 8


async def open_openai(
    url: str,
    model: str | None = None,
    *,
    api_key: str | None = None,
    timeout: float = 120.0,  # noqa: ASYNC109 - of each later request, not of this call
    connect_timeout: float = 5.0,
    document_prefix: str = "",
    query_prefix: str = "",
    trust_env: bool = False,
    batch: int | None = None,
    max_tokens: int | None = None,
) -> RemoteEmbedder:
    """Connect and probe the model. Close what is returned.

    `url` may begin with `openai+`; without a path it means `/v1`. Without a `model`, the
    server must serve exactly one. Without `max_tokens` the limit of a text is what the server says
    of the model (`max_model_len`), else 512. Raises Transient, Fatal.
    """
    address = Address.parse(url.removeprefix("openai+"), EMBEDDER, api_key)
    client = Client(address, timeout=timeout, connect_timeout=connect_timeout, trust_env=trust_env)
    try:
        root = "" if "/" in address.base.partition("://")[2] else "/v1"
        with client.first_contact():
            name, longest = await _find_model(client, f"{root}/models", model)
            dialect = _OpenAI(f"{root}/embeddings", (f"{root}/models", range(500)), name)
            dimension, _ = await probe(client, dialect)
    except BaseException:
        await client.close()
        raise
    longest = max_tokens or longest or 512
    limits = EmbedLimits(batch or 32, _BATCH_BYTES, _IN_FLIGHT, start=2, max_tokens=longest)
    properties = Properties(name, dimension, limits, document_prefix, query_prefix)
    return RemoteEmbedder(client, dialect, properties)


@dataclass(frozen=True, slots=True)
class _OpenAI:
    path: str
    health: tuple[str, range]
    model: str
    can_truncate: bool = False
    bare_array: bool = False

    def body(self, texts: Sequence[str], *, truncate: bool) -> Mapping[str, Any]:
        del truncate  # the interface has no such option
        return {"input": texts, "model": self.model, "encoding_format": "float"}

    def rows(self, value: Any) -> list[Any] | None:
        """Sorted by `index`: the interface does not promise an order."""
        items = value.get("data") if isinstance(value, dict) else None
        if not isinstance(items, list):
            return None
        try:
            by_index = {item["index"]: item["embedding"] for item in items}
            ordered = [by_index[i] for i in range(len(items))]
        except (KeyError, TypeError):
            return None
        return ordered


async def _find_model(client: Client, path: str, wanted: str | None) -> tuple[str, int | None]:
    """The model to use, and its limit of tokens if the server reports it."""
    answer = await client.get(path)
    where = client.address.shown
    listed: list[Any] = []
    if answer.status == 200:
        value = answer.json()
        listed = value.get("data") if isinstance(value, dict) else None  # type: ignore[assignment]
        if not isinstance(listed, list):
            raise answer.malformed("a list of models")
    elif 300 <= answer.status < 400 or answer.body.lstrip()[:1] == b"<":
        raise answer.malformed("a list of models")
    elif isinstance(error := refusal(answer, 0), Transient) or answer.status == 401:
        raise error
    models = {m["id"]: m for m in listed if isinstance(m, dict) and isinstance(m.get("id"), str)}
    if wanted is None and len(models) != 1:
        names = ", ".join(sorted(models)[:10]) or "none"
        raise Fatal(
            f"{where} does not serve exactly one model: {names}",
            hint="name the one to use: embed.model",
            kind=Kind.MODEL,
        )
    name = wanted if wanted is not None else next(iter(models))
    longest = models.get(name, {}).get("max_model_len")
    return name, longest if type(longest) is int and longest > 0 else None
