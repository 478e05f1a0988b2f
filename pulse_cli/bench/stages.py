"""`pulse bench --stage`: one stage alone, and what is said of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.bench.corpus import Corpus, documents_of
from pulse_cli.numbers import plural

if TYPE_CHECKING:
    from pulse_cli.config import Settings

STAGES = ("read", "prepare")
EXACT_SECONDS, QUICK_SECONDS = 20.0, 0.5


def measure_stage(stage: str, corpus: Corpus, settings: Settings, *, quick: bool) -> dict[str, Any]:
    """The figures of one stage of `STAGES`. Raises Fatal."""
    if stage == "read":
        from pulse_cli.bench.stage_read import measure_read

        with tempfile.TemporaryDirectory(prefix="pulse-bench-") as folder:
            return measure_read(corpus.sources, Path(folder), quick=quick)
    from pulse_cli.bench.stage_prepare import measure_prepare

    return measure_prepare(
        list(documents_of(corpus.sources)),
        _tokenizer(settings),
        settings.chunk.max_tokens,
        settings.chunk.overlap_tokens,
        QUICK_SECONDS if quick else EXACT_SECONDS,
    )


def _tokenizer(settings: Settings) -> str:
    named = settings.chunk.tokenizer
    if named is None:
        from pulse_cli.prepare import vendored_tokenizer

        return vendored_tokenizer().decode()
    if named.startswith("hub:"):
        from tokenizers import Tokenizer

        return str(Tokenizer.from_pretrained(named.removeprefix("hub:")).to_str())
    return Path(named).expanduser().read_text()


def stage_page(stage: str, found: Mapping[str, Any]) -> str:
    """The figures for people."""
    rows = _read_rows(found) if stage == "read" else _prepare_rows(found)
    return "\n".join([stage, *(f"  {name:<11} {text}" for name, text in rows)])


def _read_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, one in found.items():
        yield (
            name.replace("_", " "),
            f"{one['mb_per_cpu_s']:.0f} MB per CPU second ({one['mb']:.0f} MB)",
        )


def _prepare_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limit = f"{found['max_tokens']} tokens with {found['overlap_tokens']} of overlap"
    yield "tokenizer", found["tokenizer"] + (f": {found['note']}" if found["note"] else "")
    yield "cut", f"{found['cut_mb_per_cpu_s']:.1f} MB per CPU second, at {limit}"
    yield "prepare", f"{found['prepare_mb_per_cpu_s']:.1f} MB per CPU second with ids and BM25"
    both = found["all_cores"]
    yield (
        "all cores",
        f"{both['mb_per_s']:.1f} MB/s on {both['threads']} threads, "
        f"{both['speedup']:.2f} times one",
    )
    yield (
        "chunks",
        f"{found['chunks']:,}, {found['fill']:.1%} full ({found['fill_inner']:.1%} without the last"
        f" of each page), {found['over_limit']} over the limit",
    )
    exact = found["exact"]
    yield (
        "token-exact",
        f"{exact['mb'] / exact['cpu_s']:.2f} MB per CPU second on"
        f" {plural(exact['documents'], 'page')}: cutting is {exact['ratio']:.0f} times as fast,"
        f" {exact['pulse_chunks']:,} chunks"
        f" against {exact['chunks']:,}",
    )
