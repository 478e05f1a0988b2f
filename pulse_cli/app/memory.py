"""Keeps what malloc holds close to what is used.

Batches pass through several threads in buffers of up to some megabytes. By default glibc
gives each thread an arena of its own and moves both limits below up with the first large
buffer that is freed: that made the peak of a run 45 MB higher. Much lower limits cost time:
memory given back comes anew page by page, at up to 2 us each on a virtual machine, which
was a tenth of the CPU of a run. Elsewhere than on glibc nothing of this is done.

Python's cyclic garbage collector looks at everything every few seconds, for 70 ms and more
each time, during which nothing else runs. A run makes hardly any cycles: it looks seldom.
"""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # <malloc.h>
MMAP_BYTES = 2 << 20  # larger buffers are mapped, and given back when they are freed
TRIM_BYTES = 8 << 20  # so much free memory is kept at the top of a heap
ARENAS = 2
# New objects before the young are looked at, such looks before the middle-aged are, and
# of theirs before all are: by default 700, 10, 10.
GC_THRESHOLDS = (20_000, 20, 200)


def tune_memory() -> None:
    """Set malloc and the garbage collector up for a long run."""
    gc.set_threshold(*GC_THRESHOLDS)
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
