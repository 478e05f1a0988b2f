"""What every token counter promises: fast ones, the reference, and the server's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulse_cli.embed.tei import open_tei
from pulse_cli.embed.tei_tokenizer import TeiTokenizer
from pulse_cli.ports import TokenCounter
from pulse_cli.prepare import HARD_SAMPLE, open_counter, vendored_tokenizer
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece
from tests.prepare.tokenizer_files import KINDS, reference

Count = Callable[[str], int]


@pytest.fixture(params=[*KINDS, "tei"])
async def opened(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[TokenCounter, Count, Count]]:
    """A counter, and the reference counts of its model without and with special tokens."""
    if request.param != "tei":
        file = KINDS[request.param]()
        yield open_counter(file)[0], reference(file), reference(file, special=True)
        return
    file = vendored_tokenizer()
    service = TeiService(PROFILES["instant"].tei, WordPiece(file))
    async with serving(service) as server:
        tei = await open_tei(server.url)
        counter = TeiTokenizer(tei)
        yield counter, reference(file), reference(file, special=True)
        await tei.close()


async def test_counts_are_the_model_s_own(opened: tuple[TokenCounter, Count, Count]) -> None:
    counter, bare, _ = opened
    texts = [*HARD_SAMPLE, "", "plain words", "word " * 3_000]
    counts = await asyncio.to_thread(counter.count, texts)
    assert list(counts) == [bare(text) for text in texts]
    assert list(await asyncio.to_thread(counter.count, [])) == []


async def test_special_tokens_are_what_the_model_adds(
    opened: tuple[TokenCounter, Count, Count],
) -> None:
    counter, _, whole = opened
    [count] = await asyncio.to_thread(counter.count, ["plain words"])
    assert count + counter.special == whole("plain words")


async def test_the_name_is_stable_and_not_empty(
    opened: tuple[TokenCounter, Count, Count],
) -> None:
    counter, _, _ = opened
    assert counter.name
    assert counter.name == counter.name.strip()


async def test_threads_count_at_once_without_mixing(
    opened: tuple[TokenCounter, Count, Count],
) -> None:
    counter, bare, _ = opened
    batches = [[f"{'pump ' * n}{k}" for k in range(20)] for n in range(24)]

    def count_all() -> list[list[int]]:
        with ThreadPoolExecutor(4) as threads:
            return [list(counts) for counts in threads.map(counter.count, batches)]

    counted = await asyncio.to_thread(count_all)
    assert counted == [[bare(text) for text in batch] for batch in batches]
