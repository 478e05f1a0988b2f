"""The preparer as the engine uses it: what is written, and when it counts as changed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from pulse_cli.model import Document
from pulse_cli.payload import Bm25Options
from pulse_cli.ports import Preparer, TokenCounter
from pulse_cli.prepare import PrepareOptions, open_counter, open_preparer
from pulse_cli.prepare.words import bm25_text
from tests.prepare.tokenizer_files import bpe

OPTIONS = PrepareOptions(max_tokens=60, overlap_tokens=15, model="some/model", dimension=384)
PAGE = Document(
    url="https://Example.com/pumps?utm_source=mail#top",
    text="# Pumps\n\n" + "A pump moves\xa0water from here to there.  \n" * 40,
)


@pytest.fixture(scope="module")
def preparer(wordpiece: TokenCounter) -> Preparer:
    return open_preparer(OPTIONS, wordpiece)


def test_chunks_are_slices_of_the_cleaned_page(preparer: Preparer) -> None:
    identity = preparer.identify(PAGE)
    assert identity.key == preparer.key(PAGE.url) == "https://example.com/pumps"
    assert identity.domain == "Example.com"
    [prepared] = preparer.prepare([(PAGE, identity)])
    assert "\xa0" not in prepared.text
    assert prepared.document is PAGE
    [chunks] = preparer.chunks([prepared], 0, len(prepared.starts))
    assert len(chunks) > 5
    assert chunks[0].id == identity.commit_id
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for index, chunk in enumerate(chunks):
        assert (chunk.index, chunk.start, chunk.end, chunk.tokens) == (
            index,
            prepared.starts[index],
            prepared.ends[index],
            prepared.counts[index],
        )
        assert chunk.text == prepared.text[chunk.start : chunk.end]
        assert "pump" in chunk.text.lower()
        assert chunk.words == bm25_text(chunk.full_text)


def test_chunks_can_be_cut_in_windows(preparer: Preparer) -> None:
    [prepared] = preparer.prepare([(PAGE, preparer.identify(PAGE))])
    [whole] = preparer.chunks([prepared], 0, 10_000)
    windows = [preparer.chunks([prepared], n, n + 3)[0] for n in range(0, len(whole), 3)]
    assert [chunk for window in windows for chunk in window] == whole
    assert preparer.chunks([prepared], len(whole), len(whole) + 5) == [[]]


def test_pages_cut_together_are_as_cut_alone(preparer: Preparer) -> None:
    pages = [
        dataclasses.replace(PAGE, url=f"{PAGE.url}/{n}", text=PAGE.text[: n * 500])
        for n in range(5)
    ]
    prepared = preparer.prepare([(page, preparer.identify(page)) for page in pages])
    together = preparer.chunks(prepared, 1, 4)
    assert together == [preparer.chunks([one], 1, 4)[0] for one in prepared]
    assert len({len(chunks) for chunks in together}) > 1


def test_pages_of_nothing_have_no_chunks(preparer: Preparer) -> None:
    texts = ["", " \n\u200b", "---\n\n***", "![](data:image/png;base64," + "A" * 99 + ")"]
    pages = [Document(url=f"https://e.com/{n}", text=text) for n, text in enumerate(texts)]
    pages.insert(2, PAGE)
    prepared = preparer.prepare([(page, preparer.identify(page)) for page in pages])
    assert [len(each.starts) > 0 for each in prepared] == [False, False, True, False, False]
    assert preparer.prepare([]) == []


def test_everything_written_is_in_the_revision(wordpiece: TokenCounter) -> None:
    changes: dict[str, Any] = {
        "max_tokens": 61,
        "overlap_tokens": 14,
        "context": "title",
        "document_prefix": "passage: ",
        "model": "other/model",
        "dimension": 768,
    }
    weights: dict[str, Any] = {"language": "german", "k": 1.3, "b": 0.7, "avg_len": 100.0}
    assert set(weights) == {field.name for field in dataclasses.fields(Bm25Options)}
    assert {*changes, "bm25"} == {field.name for field in dataclasses.fields(PrepareOptions)}
    first = open_preparer(OPTIONS, wordpiece)
    assert first.rev == open_preparer(dataclasses.replace(OPTIONS), wordpiece).rev
    revisions = {first.rev, open_preparer(OPTIONS, open_counter(bpe())[0]).rev}
    others = {name: dataclasses.replace(OPTIONS, **{name: changes[name]}) for name in changes}
    for name, value in weights.items():
        bm25 = dataclasses.replace(OPTIONS.bm25, **{name: value})
        others[f"bm25_{name}"] = dataclasses.replace(OPTIONS, bm25=bm25)
    for name, options in others.items():
        other = open_preparer(options, wordpiece)
        revisions.add(other.rev)
        differing = {k for k in first.fingerprint if first.fingerprint[k] != other.fingerprint[k]}
        assert differing == {name}
    assert len(revisions) == 2 + len(others)
    assert all(len(rev) == 16 for rev in revisions)


def test_a_revision_is_the_same_in_every_process(wordpiece: TokenCounter) -> None:
    program = (
        "from pulse_cli.prepare import *;"
        "c, _ = open_counter(vendored_tokenizer());"
        "print(open_preparer(PrepareOptions(max_tokens=60, overlap_tokens=15,"
        " model='some/model', dimension=384), c).rev)"
    )
    command = [sys.executable, "-c", program]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.strip() == open_preparer(OPTIONS, wordpiece).rev


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        "import sys, pulse_cli.prepare;"
        "heavy = {'numpy', 'tokenizers', 'nanotoken', 'gigatoken', 'qdrant_edge', 'orjson',"
        " 'semantic_text_splitter'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
