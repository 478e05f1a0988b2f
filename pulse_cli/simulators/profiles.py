"""Named pairs of simulated services: what they cost and what they allow.

All times are seconds. The figures of `l4` are fitted to a public measurement of TEI with
bge-small on one NVIDIA L4 (within 20 % of it at batches of 1 to 32 and 1 to 8 in flight);
`h100` is ten times that; `cpu` is TEI's own CPU back end, which pads; `original` is what the
service before pulse documented; `eight-slots` is what other pipelines were measured on,
`eight-slots-x10` the same with an embedder ten times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Slots:
    """A server that carries out `slots` requests at once and queues the others, FIFO."""

    slots: int
    request_s: float
    input_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Backend:
    """TEI as it is built: tokenizer workers, one FIFO queue, one thread on the device.

    A batch of the device takes `batch_s + tokens * token_s`; `padded` back ends count every
    text as long as the longest of its batch.
    """

    batch_s: float
    token_s: float
    padded: bool = False
    workers: int = 3
    tokenize_s: float = 100e-6
    tokenize_token_s: float = 0.6e-6


@dataclass(frozen=True, slots=True)
class TeiModel:
    """A text-embeddings-inference server. Limits are named as in its `GET /info`."""

    service: Slots | Backend
    version: str = "1.9.3"
    model_id: str = "simulated/embedder"
    dimension: int = 384
    max_input_length: int = 512
    max_concurrent_requests: int = 512
    max_batch_tokens: int = 16_384
    max_batch_requests: int | None = None
    max_client_batch_size: int = 32
    payload_limit: int = 2_000_000
    auto_truncate: bool = True
    default_prompt: str = ""
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class QdrantModel:
    """A Qdrant server: each write takes `upsert_s`, each read `read_s`; `slots` at once."""

    upsert_s: float = 0.0
    read_s: float = 0.0
    slots: int = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """Both services together; `as_json` and `from_json` take it to another process."""

    name: str
    tei: TeiModel
    qdrant: QdrantModel

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Profile:
        """Raises TypeError or KeyError where it is not what `as_json` gave."""
        tei = dict(value["tei"])
        service = tei.pop("service")
        kind = Slots if "slots" in service else Backend
        return Profile(
            value["name"],
            TeiModel(kind(**service), **tei),
            QdrantModel(**value["qdrant"]),
        )


_L4 = Backend(batch_s=1.2e-3, token_s=1 / 930_000)
_H100 = Backend(
    batch_s=0.12e-3,
    token_s=1 / 9_300_000,
    workers=16,
    tokenize_s=20e-6,
    tokenize_token_s=0.12e-6,
)
_CPU = Backend(batch_s=1e-3, token_s=12e-6, padded=True, workers=1)

PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            "original",
            TeiModel(
                Slots(16, 0.5), dimension=1024, max_input_length=8192, max_concurrent_requests=1024
            ),
            QdrantModel(upsert_s=0.1, read_s=0.005),
        ),
        Profile("l4", TeiModel(_L4), QdrantModel(upsert_s=0.005, read_s=0.002)),
        Profile("h100", TeiModel(_H100), QdrantModel(upsert_s=0.005, read_s=0.002)),
        Profile(
            "cpu",
            TeiModel(_CPU, max_batch_requests=8),
            QdrantModel(upsert_s=0.005, read_s=0.002),
        ),
        Profile(
            "eight-slots",
            TeiModel(Slots(8, 20e-3, 1.5e-3)),
            QdrantModel(upsert_s=0.005, read_s=0.005, slots=64),
        ),
        Profile(
            "eight-slots-x10",
            TeiModel(Slots(8, 2e-3, 0.15e-3)),
            QdrantModel(upsert_s=0.005, read_s=0.005, slots=64),
        ),
        Profile("instant", TeiModel(Slots(1_000_000, 0.0)), QdrantModel(slots=1_000_000)),
    )
}
