"""Checks of the embedder: does it answer, what are its limits, do the settings fit the model."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from pulse_cli.doctor.finding import Finding, error, ok, warning
from pulse_cli.embed.prefixes import prefix_mismatches, wanted
from pulse_cli.embed.tei import TeiEmbedder
from pulse_cli.wiring.counting import named_counter_fits

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.ports import Embedder, Preparer
    from pulse_cli.wiring import Services

SAMPLE = "A short text that tests whether the model answers."
SMALL_BATCH = 8


async def embedder(services: Services) -> AsyncIterator[Finding]:
    """All checks of the embedder. Raises Transient, Rejected, Fatal where it does not answer."""
    settings = services.settings
    found = await services.embedder()
    began = time.monotonic()
    await found.embed([SAMPLE])
    took = 1e3 * (time.monotonic() - began)
    what = f"{found.model} at {settings.embed.url}, {found.dimension} dimensions"
    yield ok("embedder", f"{what}; one text in {took:.0f} ms")
    yield limits(found)
    for finding in prefixes(settings, found.model):
        yield finding
    prepares = await services.preparer()
    yield chunk_size(settings, prepares, found)
    yield await tokenizer(services, prepares, found)
    prompt = found.overhead.prompt if isinstance(found, TeiEmbedder) else 0
    if prompt:
        yield warning(
            "prompt",
            f"the server puts {prompt} tokens of its own before every text, documents too",
            "start it without --default-prompt, and set embed.query_prefix",
        )


def limits(found: Embedder) -> Finding:
    most = found.limits
    message = f"{most.batch} texts a request, at most {most.in_flight} requests in flight"
    if most.batch < SMALL_BATCH:
        mend = "start the server with --max-client-batch-size 32, and look at embed.batch"
        return warning("batch limits", message, mend)
    return ok("batch limits", f"{message}, {most.max_tokens:,} tokens a text")


def chunk_size(settings: Settings, prepares: Preparer, found: Embedder) -> Finding:
    asked, got = settings.chunk.max_tokens, prepares.chunk_tokens
    if got == asked:
        return ok("chunk size", f"{got} tokens; the model takes {found.limits.max_tokens:,}")
    message = f"{got} tokens: the model takes no more ({asked} asked for)"
    if "max_tokens" in settings.chunk.model_fields_set:
        return warning("chunk size", message, f"set chunk.max_tokens to {got}")
    return ok("chunk size", message)


async def tokenizer(services: Services, prepares: Preparer, found: Embedder) -> Finding:
    """Whether tokens are counted as the model counts them."""
    settings = services.settings
    named = settings.chunk.tokenizer
    fits = await named_counter_fits(settings, found, lambda _: None)
    if fits is False:
        message = f"{named} does not count as {found.model} does, so chunks get a wrong length"
        return error("tokenizer", message, f"--set chunk.tokenizer=hub:{found.model}")
    if str(prepares.fingerprint["tokenizer"]).startswith("tei:"):
        message = "tokens are counted by the server, which is slow"
        return warning("tokenizer", message, f"--set chunk.tokenizer=hub:{found.model}")
    if settings.embed.url.startswith("openai+") and named is None:
        message = "tokens are counted as by all-MiniLM-L6-v2; this model may count otherwise"
        return warning("tokenizer", message, "set chunk.tokenizer to the model's tokenizer.json")
    how = "as the server counts" if fits else "of the model" if named is None else named
    return ok("tokenizer", f"tokens are counted here, {how}")


def prefixes(settings: Settings, model: str) -> Iterator[Finding]:
    """Prefixes against what the model's card asks for."""
    if wanted(model) is None:
        return
    mine = settings.embed
    wrong = prefix_mismatches(model, mine.document_prefix, mine.query_prefix)
    if not wrong:
        yield ok("prefixes", f"as {model} needs them")
        return
    mend = " ".join(f"--set {one}" for one in wrong)
    yield warning("prefixes", f"{model} was trained with other prefixes; it finds less now", mend)
