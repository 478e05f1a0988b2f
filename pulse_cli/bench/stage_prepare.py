"""How fast one core prepares, beside the token-exact splitter, and all cores at once.

The token-exact splitter is `MarkdownSplitter.from_huggingface_tokenizer` with the same limit
and overlap; it is slow, so it gets a time box and both are compared on the pages it managed.
CPU seconds are the whole process's: counters may use threads of their own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pulse_cli.model import Document
from pulse_cli.ports import Preparer, TokenCounter
from pulse_cli.prepare import PrepareOptions, open_counter, open_preparer
from pulse_cli.wiring import cores

if TYPE_CHECKING:
    from pulse_cli.model import Identity, Prepared

    Pages = Sequence[tuple[Document, Identity]]

GROUP = 32
_CLOCKED_BYTES = 8_000_000


def measure_prepare(
    documents: Sequence[Document],
    tokenizer_json: str,
    max_tokens: int,
    overlap_tokens: int,
    exact_s: float,
) -> dict[str, Any]:
    """Speeds in MB of UTF-8 text per CPU second. `exact_s` bounds the token-exact splitter."""
    counter, note = open_counter(tokenizer_json)
    options = PrepareOptions(max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    preparer = open_preparer(options, counter)
    pages = [(document, preparer.identify(document)) for document in documents]
    size = sum(len(document.text.encode()) for document in documents) / 1e6
    _cut(preparer, pages[:GROUP])  # opens what is opened at first use
    cut_s, prepared = _timed(lambda: _cut(preparer, pages))
    write_s, _ = _timed(lambda: _write(preparer, prepared))
    return {
        "tokenizer": counter.name,
        "note": note,
        "max_tokens": max_tokens,
        "overlap_tokens": overlap_tokens,
        "documents": len(documents),
        "mb": size,
        "cut_mb_per_cpu_s": size / cut_s,
        "prepare_mb_per_cpu_s": size / (cut_s + write_s),
        **_chunks(prepared, max_tokens),
        "all_cores": _all_cores(options, counter, pages),
        "exact": _exact(preparer, pages, prepared, tokenizer_json, options, exact_s),
    }


def _cut(preparer: Preparer, pages: Pages) -> list[Prepared]:
    """Clean, cut and count, in groups as the pipeline makes them."""
    found: list[Prepared] = []
    for start in range(0, len(pages), GROUP):
        found += preparer.prepare(pages[start : start + GROUP])
    return found


def _write(preparer: Preparer, prepared: Sequence[Prepared]) -> None:
    """Ids and words of all chunks, in groups as the pipeline makes them."""
    for start in range(0, len(prepared), GROUP):
        group = prepared[start : start + GROUP]
        preparer.chunks(group, 0, max(len(one.starts) for one in group))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = work()
    return max(time.process_time() - began, 1e-9), found


def _chunks(prepared: Sequence[Prepared], limit: int) -> dict[str, Any]:
    """`fill` is of all chunks; `fill_inner` leaves out the last of each page, which is a rest."""
    inner = [count for one in prepared for count in one.counts[:-1]]
    every = [count for one in prepared for count in one.counts]
    return {
        "chunks": len(every),
        "fill": sum(every) / (len(every) * limit) if every else 0.0,
        "fill_inner": sum(inner) / (len(inner) * limit) if inner else 0.0,
        "over_limit": sum(count > limit for count in every),
    }


def _all_cores(options: PrepareOptions, counter: TokenCounter, pages: Pages) -> dict[str, float]:
    """The same work, 8 MB of it, on one thread and on a thread for each core, by the clock."""
    many, size, count = cores(), 0, 0
    while count < len(pages) and size < _CLOCKED_BYTES:
        size += len(pages[count][0].text.encode())
        count += 1
    pages = pages[:count]
    preparer = open_preparer(options, counter)
    alone = _by_the_clock(preparer, [pages])
    together = _by_the_clock(preparer, [pages[start::many] for start in range(many)])
    return {
        "threads": many,
        "mb_per_s_alone": size / 1e6 / alone,
        "mb_per_s": size / 1e6 / together,
        "speedup": alone / together,
    }


def _by_the_clock(preparer: Preparer, shares: Sequence[Pages]) -> float:
    from pulse_cli.engine.threads import Threads

    async def run() -> float:
        with Threads(len(shares)) as threads:
            began = time.monotonic()
            await asyncio.gather(*(threads(_both, preparer, share) for share in shares))
            return time.monotonic() - began

    return asyncio.run(run())


def _both(preparer: Preparer, pages: Pages) -> None:
    for start in range(0, len(pages), GROUP):
        _write(preparer, preparer.prepare(pages[start : start + GROUP]))


def _exact(
    preparer: Preparer,
    pages: Pages,
    prepared: Sequence[Prepared],
    tokenizer_json: str,
    options: PrepareOptions,
    seconds: float,
) -> dict[str, Any]:
    """The token-exact splitter on cleaned pages, and pulse's cutting of the same pages."""
    from semantic_text_splitter import MarkdownSplitter
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    splitter = MarkdownSplitter.from_huggingface_tokenizer(
        tokenizer, options.max_tokens, options.overlap_tokens
    )
    texts = [one.text for one in prepared]
    began = time.process_time()
    chunks = done = 0
    for text in texts:
        chunks += len(splitter.chunks(text))
        done += 1
        if time.process_time() - began > seconds:
            break
    exact_s = time.process_time() - began
    ours_s, ours = _timed(lambda: _cut(preparer, pages[:done]))
    return {
        "documents": done,
        "mb": sum(len(text.encode()) for text in texts[:done]) / 1e6,
        "cpu_s": exact_s,
        "chunks": chunks,
        "pulse_cpu_s": ours_s,
        "pulse_chunks": sum(len(one.starts) for one in ours),
        "ratio": exact_s / ours_s,
    }
