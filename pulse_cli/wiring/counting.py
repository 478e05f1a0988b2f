"""Chooses the tokenizer that counts, and the chunk size that follows from it.

The tokenizer of the settings is used. Without one, the vendored tokenizer is used if it is proved
to count as the server does. Else the server counts, which is right but slow; a message says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pulse_cli.errors import Fatal, Kind
from pulse_cli.ports import Embedder, Preparer, TokenCounter
from pulse_cli.wiring.adapters import bm25_options

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.embed.tei import TeiEmbedder

T = TypeVar("T")

LOCAL_MAX_TOKENS = 256
Say = Callable[[str], None]


class Patiently(Protocol):
    """Calls until it answers, for a bounded time."""

    def __call__(self, what: str, call: Callable[[], Awaitable[T]]) -> Awaitable[T]: ...


def preparer_alone(settings: Settings, say: Say) -> Preparer:
    """A preparer that uses no service, for a dry run."""
    limit = LOCAL_MAX_TOKENS if settings.embed.url == "local" else None
    named = _named_counter(settings, say)
    if named is None and limit is None:
        say(
            "tokens are counted by the tokenizer of all-MiniLM-L6-v2: an estimate;"
            " chunk.tokenizer names the model's own"
        )
    return preparer_of(settings, say, named or _vendored_counter(say), limit, "", 0)


def preparer_of(
    settings: Settings,
    say: Say,
    counter: TokenCounter,
    limit: int | None,
    model: str,
    dimension: int,
) -> Preparer:
    from pulse_cli.prepare import PrepareOptions, open_preparer

    chunk = settings.chunk
    most, overlap = chunk.max_tokens, chunk.overlap_tokens
    if limit is not None and limit < most:
        most, overlap = limit, overlap * limit // most
        say(
            f"chunks have at most {most} tokens, {overlap} of overlap: the model's limit"
            f" (the settings ask for {chunk.max_tokens} and {chunk.overlap_tokens})"
        )
    try:
        return open_preparer(
            PrepareOptions(
                max_tokens=most,
                overlap_tokens=overlap,
                context=chunk.context,
                document_prefix=settings.embed.document_prefix,
                model=model,
                dimension=dimension,
                bm25=bm25_options(settings),
            ),
            counter,
        )
    except ValueError as error:
        raise Fatal(str(error), hint="change chunk.*", kind=Kind.CONFIG) from error


async def counter_for(
    settings: Settings, embedder: Embedder, patiently: Patiently, say: Say
) -> TokenCounter:
    """The counter chosen as the module says."""
    named = _named_counter(settings, say)
    if named is not None:
        return named
    vendored = _vendored_counter(say)
    if settings.embed.url == "local":
        return vendored
    if settings.embed.url.startswith("openai+"):
        say(
            "tokens are counted by the tokenizer of all-MiniLM-L6-v2, which may not be"
            " the model's; chunk.tokenizer names another"
        )
        return vendored
    return await _counter_of_tei(settings, embedder, vendored, patiently, say)


async def _counter_of_tei(
    settings: Settings,
    embedder: Embedder,
    vendored: TokenCounter,
    patiently: Patiently,
    say: Say,
) -> TokenCounter:
    from pulse_cli.embed.tei import TeiEmbedder
    from pulse_cli.embed.tei_tokenizer import TeiTokenizer, same_counts
    from pulse_cli.prepare import HARD_SAMPLE

    assert isinstance(embedder, TeiEmbedder)
    tei: TeiEmbedder = embedder
    if tei.overhead.special is None:
        say(
            f"the server cannot count tokens (no /tokenize), so the tokenizer of all-MiniLM-L6-v2"
            f" does; should {tei.model} have another, chunk.tokenizer names it"
        )
        return vendored
    counts = vendored.count(HARD_SAMPLE)
    if await patiently("the embedder", lambda: same_counts(tei, HARD_SAMPLE, counts)):
        return vendored
    say(
        f"tokens are counted by the server ({tei.model} has a tokenizer of its own);"
        f" `--set chunk.tokenizer=hub:{tei.model}` counts them here, much faster"
    )
    return TeiTokenizer(tei, trust_env=settings.network.trust_env)


async def named_counter_fits(settings: Settings, embedder: Embedder, say: Say) -> bool | None:
    """Whether the tokenizer of the settings counts as the TEI server does; None if unknown."""
    from pulse_cli.embed.tei import TeiEmbedder
    from pulse_cli.embed.tei_tokenizer import same_counts
    from pulse_cli.prepare import HARD_SAMPLE

    named = _named_counter(settings, say)
    if named is None or not isinstance(embedder, TeiEmbedder):
        return None
    return await same_counts(embedder, HARD_SAMPLE, named.count(HARD_SAMPLE))


def _named_counter(settings: Settings, say: Say) -> TokenCounter | None:
    named = settings.chunk.tokenizer
    if named is None:
        return None
    from pulse_cli.prepare import open_counter

    try:
        counter, note = open_counter(_read_tokenizer(named))
    except (OSError, ValueError) as error:
        raise Fatal(
            f"chunk.tokenizer: {named}: {error}",
            hint="name a tokenizer.json, or hub:ORGANISATION/MODEL",
            kind=Kind.CONFIG,
        ) from error
    if note:
        say(note)
    return counter


def _vendored_counter(say: Say) -> TokenCounter:
    from pulse_cli.prepare import open_counter, vendored_tokenizer

    counter, note = open_counter(vendored_tokenizer())
    if note:
        say(note)
    return counter


def _read_tokenizer(named: str) -> str | Path:
    """The text of a tokenizer from the hub (nothing else is downloaded from there), or a path."""
    from pulse_cli.config.fields import expanded

    if not named.startswith("hub:"):
        return expanded(named)
    from tokenizers import Tokenizer

    try:
        return str(Tokenizer.from_pretrained(named.removeprefix("hub:")).to_str())
    except Exception as error:  # the client of the hub raises errors of many kinds
        raise ValueError(f"cannot be downloaded from the hub: {error}") from error
