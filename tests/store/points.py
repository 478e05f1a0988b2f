"""Points with their vectors beside them, as tests write them; a store gets the vectors as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_cli.model import Point
from pulse_cli.ports import Store

if TYPE_CHECKING:
    from pulse_cli.model import Floats


@dataclass(frozen=True)
class Whole:
    """A point with its vector (float32, shape (dimension,))."""

    id: str
    vector: Floats
    words: str
    payload: Mapping[str, Any]


async def upsert(store: Store, points: Sequence[Whole]) -> None:
    """Write them through the port."""
    bare = [Point(point.id, point.words, point.payload) for point in points]
    rows = np.stack([point.vector for point in points]) if points else np.empty((0, 1), np.float32)
    await store.upsert(bare, rows)
