"""Which stage held a run up, and what would make it faster."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_cli.bench.numbers import Figures

BUSY = 0.9
LOW_FILL = 0.9


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """`stage` is embedder, store, pulse, read, prepare or embed (pulse's requests to it)."""

    stage: str
    why: str
    change: str


def bottleneck_of(run: Figures, cores: int) -> Bottleneck:
    """Services first, as they say themselves; then pulse's CPU; then the fullest stage."""
    if run.efficiency is not None and run.efficiency >= BUSY:
        return _embedder(run)
    if run.store_busy is not None and run.store_busy >= BUSY:
        return Bottleneck(
            "store",
            f"the store is busy {run.store_busy:.0%} of the time",
            "give the store more CPU or shards, or load with --bulk",
        )
    if run.cpu_share >= 0.85 * min(cores, 1.5):
        return Bottleneck(
            "pulse",
            f"pulse uses {run.cpu_share:.2f} cores and the services wait for it",
            "this is what one process can do: split the sources over several runs",
        )
    return _fullest(run)


def _embedder(run: Figures) -> Bottleneck:
    why = f"the embedder is busy {run.efficiency:.0%} of the time"
    if run.fill is not None and run.fill < LOW_FILL:
        why += f", but its requests are {run.fill:.0%} full"
        return Bottleneck("embedder", why, "leave embed.batch and --concurrency to pulse")
    return Bottleneck("embedder", why, "a faster model or more devices; pulse can feed more")


_CHANGES = {
    "embed": (
        "requests to the embedder are in flight to the limit, and its device is not always busy",
        "raise the server's max-concurrent-requests and max-batch-tokens, or come nearer to it",
    ),
    "store": (
        "writes are in flight to the limit",
        "a faster disk or more shards for the store, or load with --bulk",
    ),
    "prepare": (
        "cleaning, cutting and counting are what is waited for",
        "give pulse more cores; check that chunk.tokenizer is counted here and not by the server",
    ),
    "read": (
        "reading is what is waited for",
        "read from a faster disk; plain JSONL and .zst are faster than one huge .json.gz",
    ),
}


def _fullest(run: Figures) -> Bottleneck:
    if not run.stages:
        return Bottleneck("unknown", "the run was too short to tell", "use a larger corpus")
    name = max(run.stages, key=lambda name: (run.stages[name].full, run.stages[name].busy))
    why, change = _CHANGES[name]
    return Bottleneck(name, f"{why} ({run.stages[name].full:.0%} of the time)", change)
