"""Settings of malloc and of the garbage collector for a long run.

Batches pass through several threads in buffers of up to some megabytes. By default glibc
gives each thread an arena of its own, and raises both limits below with the first large
buffer that is freed. That made the peak of a run 45 MB higher. Much lower limits cost time:
memory that was returned comes back page by page, at up to 2 us each on a virtual machine, which
was a tenth of the CPU of a run. Without glibc, malloc is left alone.

By default Python's cyclic garbage collector examines all objects every few seconds, and stops
everything else for 70 ms or more. A run makes hardly any cycles, so it is made to run seldom.
"""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # <malloc.h>
MMAP_BYTES = 2 << 20  # larger buffers are mapped, and returned when they are freed
TRIM_BYTES = 8 << 20  # this much free memory is kept at the top of a heap
ARENAS = 2
# New objects before the young are looked at, such looks before the middle-aged are, and
# of theirs before all are: by default 700, 10, 10.
GC_THRESHOLDS = (20_000, 20, 200)


def tune_memory() -> None:
    """Set up malloc and the garbage collector."""
    gc.set_threshold(*GC_THRESHOLDS)
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
