"""Checks that an index was made with the model that is to be used on it.

Vectors of two models cannot be compared, even if they have the same dimension. Mixed in one index,
or searched with another model, they give meaningless results. Each point names its model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter, Hit
from pulse_cli.payload import EMBEDDER

if TYPE_CHECKING:
    from pulse_cli.ports import Store


async def check_same_model(store: Store, model: str) -> None:
    """Raises Fatal where the first points of the index name another model.

    An empty index fits every model. Points without a name pass: the original service wrote none.
    """
    told = [hit.payload.get(EMBEDDER) for hit in await _first(store)]
    named = {one for one in told if isinstance(one, str) and one}
    if named and model not in named:
        other = ", ".join(sorted(named))
        raise Fatal(
            f"the index holds vectors of {other}; {model} makes others, which cannot be compared"
            " with them",
            hint="use the model it was made with, or name another --collection",
            kind=Kind.MODEL,
        )


async def _first(store: Store) -> Sequence[Hit]:
    """The first points, with the name of their model."""
    async for hits in store.scroll((EMBEDDER,), Filter()):
        return hits
    return ()
