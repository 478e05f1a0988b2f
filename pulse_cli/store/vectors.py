"""Checks vectors before they are sent to a store.

The engine would store NaN without an error and return it in every search. So no store accepts a
vector that is not finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulse_cli.errors import Fatal, Kind, Rejected

if TYPE_CHECKING:
    from pulse_cli.model import Floats


def checked(rows: Floats, dimension: int) -> Floats:
    """`rows` as a contiguous float32 array.

    Raises Fatal where the vectors have another length, Rejected where one is not finite.
    """
    if rows.shape[1] != dimension:
        raise Fatal(
            f"a vector has {rows.shape[1]} dimensions, the collection {dimension}",
            hint="the embedding model changed: use another --collection",
            kind=Kind.DIMENSION,
        )
    if not np.isfinite(rows).all():
        raise Rejected("a vector holds NaN or an infinite number", reason="bad-vector")
    return np.ascontiguousarray(rows, dtype=np.float32)
