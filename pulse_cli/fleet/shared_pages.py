"""Pages that have documents in more than one shard, found among all keys of a run.

The keys (8 bytes a document) are in a file, so memory is bounded whatever the run: they are looked
at in passes, each over the keys whose hash falls to it. What is kept of a shared page is 16 bytes
a document.

A document is known by its number: documents of a run are counted from 0, shard after shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]

MOST_KEYS = 1 << 20
READ_KEYS = 1 << 20


@dataclass(frozen=True, slots=True)
class SharedPages:
    """`numbers` of the documents of shared pages, in order, and the `keys` of these (uint64).

    `first` is the number of the first document of each shard, and how many there are in all.
    """

    first: Sequence[int]
    numbers: Numbers
    keys: NDArray[np.uint64]

    def in_shard(self, shard: int) -> Numbers:
        """The documents of one shard, counted from 0 in it."""
        import numpy as np

        begin, end = np.searchsorted(self.numbers, self.first[shard : shard + 2])
        return self.numbers[begin:end] - self.first[shard]

    def split(self, jobs: int) -> list[list[tuple[int, Numbers]]]:
        """The documents for each of so many jobs: (shard, documents counted in it), in order.

        All documents of one page are in the same job.
        """
        import numpy as np

        starts = np.asarray(self.first)
        divided = []
        for job in range(jobs):
            own = self.numbers[self.keys % np.uint64(jobs) == job]
            shards = np.searchsorted(starts, own, side="right") - 1
            of_shard, begins = np.unique(shards, return_index=True)
            parts = np.split(own, begins[1:])
            divided.append(
                [
                    (shard, part - self.first[shard])
                    for shard, part in zip(of_shard.tolist(), parts, strict=False)
                ]
            )
        return divided


def find_shared_pages(path: Path, counts: Sequence[int], most: int = MOST_KEYS) -> SharedPages:
    """Among the keys in `path`, `counts` of them for each shard in order. Blocking."""
    import numpy as np

    first = [0, *accumulate(counts)]
    passes = max(1, -(-first[-1] // most))
    numbers, keys = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for number in range(passes):
        found = _pass(path, first, passes, number)
        numbers.append(found[0])
        keys.append(found[1])
    all_numbers = np.concatenate(numbers)
    order = np.argsort(all_numbers, kind="stable")
    return SharedPages(first, all_numbers[order], np.concatenate(keys)[order])


def _pass(
    path: Path, first: Sequence[int], passes: int, number: int
) -> tuple[Numbers, NDArray[np.uint64]]:
    """The documents of shared pages among the keys that fall to one pass, and their keys."""
    import numpy as np

    own_keys, own_numbers = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for begin in range(0, first[-1], READ_KEYS):
        size = min(READ_KEYS, first[-1] - begin)
        keys = np.fromfile(path, np.uint64, size, offset=8 * begin)
        at = np.flatnonzero((keys >> np.uint64(32)) % np.uint64(passes) == number)
        own_keys.append(keys[at])
        own_numbers.append(at + begin)
    keys, numbers = np.concatenate(own_keys), np.concatenate(own_numbers)
    shards = np.searchsorted(np.asarray(first), numbers, side="right") - 1
    order = np.argsort(keys, kind="stable")
    ordered, of_shard = keys[order], shards[order]
    if not len(ordered):
        return numbers, keys
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    # Shards ascend among the documents of a page, so it is shared if its ends differ.
    ends = np.r_[starts[1:], len(ordered)]
    shared = of_shard[starts] != of_shard[ends - 1]
    taken = order[np.repeat(shared, ends - starts)]
    return numbers[taken], keys[taken]
