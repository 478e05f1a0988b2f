"""Fast counters are trusted only where they are proved right; else the reference counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.ports import TokenCounter
from pulse_cli.prepare import HARD_SAMPLE, open_counter, vendored_tokenizer
from pulse_cli.prepare.counters import differing
from tests.prepare.pages import ANY_TEXT, CHARACTERS
from tests.prepare.tokenizer_files import KINDS, bpe, changed, reference, unigram


@settings(max_examples=200)
@given(texts=st.lists(ANY_TEXT, max_size=4))
def test_counts_are_the_reference_s_on_any_text(
    counter: TokenCounter, counts_bare: Callable[[str], int], texts: list[str]
) -> None:
    assert list(counter.count(texts)) == [counts_bare(text) for text in texts]


@given(left=ANY_TEXT, right=ANY_TEXT, middle=CHARACTERS)
def test_counts_add_up_beside_a_break(
    wordpiece: TokenCounter, left: str, right: str, middle: str
) -> None:
    breaks = wordpiece.breaks
    cuts = [f"{left}{middle}", right] if middle in breaks else [left, f" {right}"]
    assert sum(wordpiece.count(cuts)) == wordpiece.count(["".join(cuts)])[0]


def test_breaks_are_known_for_bert_only_and_never_inside_an_added_token() -> None:
    def breaks(tokenizer_json: bytes) -> frozenset[str]:
        return open_counter(tokenizer_json)[0].breaks

    assert {" ", "\n", "\t", ".", "|", "#", "。"} <= breaks(vendored_tokenizer())
    assert not {"[", "]", "_", "a", "é"} & breaks(vendored_tokenizer())
    assert breaks(bpe()) == breaks(unigram()) == frozenset()
    added = json.loads(vendored_tokenizer())["added_tokens"]
    spaced = changed(vendored_tokenizer(), added_tokens=[*added, added[-1] | {"content": "a |b"}])
    assert not {" ", "|"} & breaks(spaced)
    other = changed(vendored_tokenizer(), pre_tokenizer={"type": "WhitespaceSplit"})
    assert breaks(other) == frozenset()


def test_wordpiece_and_bpe_are_counted_fast_and_others_by_the_reference() -> None:
    assert open_counter(vendored_tokenizer())[1] is None
    assert open_counter(bpe())[1] is None
    note = open_counter(unigram())[1]
    assert note
    assert "Unigram" in note


@pytest.mark.parametrize(
    ("tokenizer_json", "normalizer"),
    [
        (vendored_tokenizer(), {"type": "Replace", "pattern": {"String": "a"}, "content": "b"}),
        (bpe(), {"type": "NFKC"}),
    ],
    ids=["wordpiece", "bpe"],
)
def test_what_the_fast_counter_refuses_the_reference_counts(
    tokenizer_json: bytes, normalizer: dict[str, object]
) -> None:
    file = changed(tokenizer_json, normalizer=normalizer)
    counter, note = open_counter(file)
    count = reference(file)
    assert note
    assert note.startswith("the fast token counter refuses this tokenizer")
    assert "\n" not in note
    assert list(counter.count(HARD_SAMPLE)) == [count(text) for text in HARD_SAMPLE]


def test_a_counter_that_is_wrong_anywhere_is_found_out(wordpiece: TokenCounter) -> None:
    cased = changed(
        vendored_tokenizer(),
        normalizer=json.loads(vendored_tokenizer())["normalizer"] | {"strip_accents": False},
    )
    assert differing(wordpiece, wordpiece) is None
    assert differing(open_counter(cased)[0], wordpiece) in {text[:40] for text in HARD_SAMPLE}
    assert differing(open_counter(bpe())[0], open_counter(unigram())[0]) is not None


def test_truncation_and_padding_of_the_file_do_not_count() -> None:
    description = json.loads(vendored_tokenizer())
    assert description["truncation"]
    assert description["padding"]
    counter, _ = open_counter(vendored_tokenizer())
    assert list(counter.count(["word " * 1000, "word", ""])) == [1000, 1, 0]
    bare, _ = open_counter(changed(vendored_tokenizer(), truncation=None, padding=None))
    assert bare.name == counter.name
    renamed, _ = open_counter(changed(vendored_tokenizer(), decoder=None))
    assert renamed.name != counter.name


def test_special_tokens_are_those_the_model_adds() -> None:
    assert [open_counter(make())[0].special for make in KINDS.values()] == [2, 1, 2]


def test_a_file_a_string_and_bytes_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(bpe())
    names = {open_counter(source)[0].name for source in (file, bpe(), bpe().decode())}
    assert len(names) == 1
    with pytest.raises(OSError, match=r"missing\.json"):
        open_counter(tmp_path / "missing.json")


def test_an_old_file_without_the_type_of_its_model_is_known_by_its_fields() -> None:
    model = json.loads(vendored_tokenizer())["model"]
    del model["type"]
    counter, note = open_counter(changed(vendored_tokenizer(), model=model))
    assert note is None
    assert counter.name.startswith("wordpiece-")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"model": 1}', '{"model": {"type": "BPE"}}', b"\xff\xfe", "null"],
)
def test_what_is_no_tokenizer_is_refused(content: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"not a tokenizer\.json"):
        open_counter(content)


def test_the_hard_sample_can_be_sent_to_any_server() -> None:
    assert all(text and text.encode() for text in HARD_SAMPLE)
    assert len(set(HARD_SAMPLE)) == len(HARD_SAMPLE)
