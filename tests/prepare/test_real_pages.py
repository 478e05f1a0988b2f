"""Chunking of thousands of real pages: full, few, never too long, nothing lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pulse_cli.ports import TokenCounter
from pulse_cli.prepare.chunker import Chunker
from pulse_cli.prepare.clean import clean
from tests.prepare.test_chunker import lost


@pytest.fixture(scope="session")
def pages(test_data: Path) -> list[str]:
    texts = []
    for file in sorted((test_data / "bulk").glob("*.jsonl.gz")):
        with gzip.open(file) as lines:
            texts += [clean(json.loads(line)["markdown"]) for line in lines]
    return texts


@pytest.mark.parametrize(("limit", "overlap", "fill"), [(800, 200, 0.75), (256, 64, 0.8)])
def test_chunks_of_real_pages(
    wordpiece: TokenCounter, pages: list[str], limit: int, overlap: int, fill: float
) -> None:
    chunker = Chunker(wordpiece, limit, overlap, "")
    counts: list[int] = []
    for first in range(0, len(pages), 20):
        group = pages[first : first + 20]
        for text, spans in zip(group, chunker.chunk([("", text) for text in group]), strict=True):
            assert lost(text, spans) == ""
            chunks = [text[b:e] for b, e in zip(spans.starts, spans.ends, strict=True)]
            assert wordpiece.count(chunks) == [count - 2 for count in spans.counts]
            counts += spans.counts
    assert max(counts) <= limit
    assert sum(counts) / len(counts) / limit >= fill


@pytest.mark.nightly
def test_no_more_chunks_than_the_token_exact_splitter(
    wordpiece: TokenCounter, pages: list[str]
) -> None:
    from semantic_text_splitter import MarkdownSplitter
    from tokenizers import Tokenizer

    from pulse_cli.prepare import vendored_tokenizer

    tokenizer = Tokenizer.from_str(vendored_tokenizer().decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    exact = MarkdownSplitter.from_huggingface_tokenizer(tokenizer, 798, overlap=200)
    some = pages[::10]
    titled = [("", text) for text in some]
    ours = sum(len(spans.starts) for spans in Chunker(wordpiece, 800, 200, "").chunk(titled))
    assert ours <= sum(len(chunks) for chunks in exact.chunk_all(some))
