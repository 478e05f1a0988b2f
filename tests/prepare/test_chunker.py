"""The promises of chunking, for each kind of tokenizer, on text that is out to break them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.ports import TokenCounter
from pulse_cli.prepare import open_counter
from pulse_cli.prepare.chunker import Chunker, Spans
from pulse_cli.prepare.clean import clean
from tests.prepare.pages import MARKDOWN
from tests.prepare.tokenizer_files import KINDS

LIMITS = st.integers(24, 160).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n // 2 - 8)))
PREFIXES = st.sampled_from(["", "passage: ", "title:none|text:"])


def lost(text: str, spans: Spans) -> str:
    """The characters of `text` in no chunk that are not white space."""
    rest, end = "", 0
    for start, stop in zip(spans.starts, spans.ends, strict=True):
        rest += text[end:start]
        end = max(end, stop)
    return (rest + text[end:]).strip()


def repeated(text: str, spans: Spans) -> list[str]:
    """What each chunk but the first shares with the one before."""
    return [text[b:e] for b, e in zip(spans.starts[1:], spans.ends, strict=False)]


@settings(max_examples=60)
@given(text=MARKDOWN.map(clean), limits=LIMITS, prefix=PREFIXES)
def test_chunks_hold_all_of_the_text_and_never_too_much(
    counter: TokenCounter,
    counts_whole: Callable[[str], int],
    text: str,
    limits: tuple[int, int],
    prefix: str,
) -> None:
    limit, overlap = limits
    if prefix:
        limit += 30
    [spans] = Chunker(counter, limit, overlap, prefix).chunk([("", text)])
    chunks = [text[b:e] for b, e in zip(spans.starts, spans.ends, strict=True)]
    assert lost(text, spans) == ""
    assert list(spans.counts) == [counts_whole(prefix + chunk) for chunk in chunks]
    assert all(count <= limit for count in spans.counts)
    assert all(a < b for a, b in pairwise(spans.starts))
    assert all(a < b for a, b in pairwise(spans.ends))
    for start, chunk in zip(spans.starts, chunks, strict=True):
        assert chunk.strip()
        assert not chunk[-1].isspace()
        if chunk[0].isspace():  # only the indentation of a whole line is kept
            assert chunk[0] != "\n"
            assert start == 0 or text[start - 1] == "\n"


@settings(max_examples=60)
@given(texts=st.lists(MARKDOWN.map(clean), max_size=6), limits=LIMITS)
def test_a_document_is_chunked_the_same_in_any_company(
    wordpiece: TokenCounter, texts: list[str], limits: tuple[int, int]
) -> None:
    chunker = Chunker(wordpiece, *limits, "")
    assert chunker.chunk([("", text) for text in texts]) == [
        chunker.chunk([("", text)])[0] for text in texts
    ]


@st.composite
def sections(draw: st.DrawFn) -> str:
    """A page whose headings of level 1-2 hold ¶1, of other levels ¶3; comments hold neither."""
    words = st.lists(st.sampled_from(["water", "pump", "valve."]), min_size=1, max_size=40)
    lines = []
    for _ in range(draw(st.integers(1, 20))):
        kind = draw(st.sampled_from(["top", "setext", "sub", "code", "text", "text"]))
        body = " ".join(draw(words))
        if kind == "top":
            lines.append(f"{'#' * draw(st.integers(1, 2))} ¶1 {body}")
        elif kind == "setext":
            lines.append(f"¶1 title\n{draw(st.sampled_from(['===', '---']))}")
        elif kind == "sub":
            lines.append(f"### ¶3 {body}")
        elif kind == "code":
            lines.append(f"```sh\n# {body}\n{body}\n## {body}\n```")
        else:
            lines.append(body)
    return "\n\n".join(lines)


@settings(max_examples=150)
@given(text=sections(), limits=LIMITS)
def test_overlap_stays_below_its_limit_and_its_heading(
    wordpiece: TokenCounter, text: str, limits: tuple[int, int]
) -> None:
    limit, overlap = limits
    [spans] = Chunker(wordpiece, limit, overlap, "").chunk([("", text)])
    for shared in repeated(text, spans):
        assert wordpiece.count([shared])[0] <= overlap
        # A heading may begin what is repeated, but nothing from before it is.
        assert "¶1" not in re.sub(r"\A(#+ )?¶1", "", shared)


def test_prose_overlaps_by_whole_sentences(wordpiece: TokenCounter) -> None:
    text = " ".join(f"Sentence number {n} tells how the pump starts." for n in range(400))
    [spans] = Chunker(wordpiece, 200, 50, "").chunk([("", text)])
    shared = repeated(text, spans)
    assert len(shared) > 10
    assert all(25 <= wordpiece.count([part])[0] <= 50 for part in shared)
    assert all(part.startswith("Sentence") and part.endswith("starts.") for part in shared)


def test_chinese_overlaps_as_well(wordpiece: TokenCounter) -> None:
    text = "".join(f"第{n}个水泵在压力下降时会慢慢打开阀门。" for n in range(400))
    [spans] = Chunker(wordpiece, 200, 50, "").chunk([("", text)])
    assert all(20 <= wordpiece.count([part])[0] <= 50 for part in repeated(text, spans))
    assert sum(spans.counts) / len(spans.counts) > 150


def test_a_chunk_ends_before_a_heading_once_it_is_full_enough(wordpiece: TokenCounter) -> None:
    def page(words: int, heading: str) -> str:
        return f"{'water ' * words}\n\n{heading}\n\n{'pump ' * 100}"

    for heading in ("# Next", "## Next", "#### Next", "Next\n----"):
        text = page(70, heading)
        [spans] = Chunker(wordpiece, 102, 0, "").chunk([("", text)])
        assert text[spans.ends[0] :].strip().startswith(heading)
        # Too early for a break: the heading stays inside.
        text = page(60, heading)
        [spans] = Chunker(wordpiece, 102, 0, "").chunk([("", text)])
        assert heading in text[: spans.ends[0]]
    text = page(70, "```\n# Next\n```")
    [spans] = Chunker(wordpiece, 102, 0, "").chunk([("", text)])
    assert "# Next" in text[: spans.ends[0]]


@pytest.mark.parametrize("limit", [150, 400, 800])
def test_code_keeps_its_indentation_at_the_start_of_a_chunk(
    wordpiece: TokenCounter, limit: int
) -> None:
    lines = [f"    if value_{n} > {n}:\n        return compute(value_{n})" for n in range(400)]
    text = clean("```python\n" + "\n".join(lines) + "\n```")
    [spans] = Chunker(wordpiece, limit, limit // 4, "").chunk([("", text)])
    starts = [text[b : b + 12] for b in spans.starts[1:]]
    assert len(starts) > 5
    assert all(start.startswith("    ") for start in starts)


def test_a_word_too_long_for_the_vocabulary_does_not_make_chunks_without_end(
    wordpiece: TokenCounter,
) -> None:
    [spans] = Chunker(wordpiece, 800, 200, "").chunk([("", "z" * 100_000)])
    assert max(e - b for b, e in zip(spans.starts, spans.ends, strict=True)) <= 16 * 800
    assert lost("z" * 100_000, spans) == ""


HOSTILE = {
    "letters": lambda r: "".join(
        r.choices("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789", k=400_000)
    ),
    "one letter": lambda r: "a" * 400_000,
    "a paragraph": lambda r: " ".join(f"word{r.randrange(9999)}" for _ in range(40_000)),
    "ideographs": lambda r: "".join(chr(r.randrange(0x4E00, 0x9000)) for _ in range(60_000)),
    "thai": lambda r: "ภาษาไทยเขียนติดกันโดยไม่มีช่องว่าง" * 2_000,
    "blanks": lambda r: f"a{' ' * 400_000}b",
    "line ends": lambda r: "a" + "\n" * 400_000 + "b",
    "quotes": lambda r: "> " * 100_000 + "a",
    "brackets": lambda r: "[" * 50_000 + "a" + "](" * 50_000,
    "stars": lambda r: "*a **b " * 40_000,
    "backticks": lambda r: " a".join("`" * (n % 300) for n in range(1_500)),
    "nested list": lambda r: "".join(f"{' ' * (n % 200)}- a\n" for n in range(4_000)),
    "wide table": lambda r: "|a" * 10_000 + "|\n" + "|-" * 10_000 + "|\n" + "|x" * 50_000,
    "headings": lambda r: "# a\n" * 40_000,
    "underlines": lambda r: "a\n==\n" * 40_000,
    "blanks before an underline": lambda r: " " * 400_000 + "x\n---\n",
    "fences": lambda r: "```\na\n" * 40_000,
    "accents": lambda r: "e" + "\u0301" * 400_000,
    "ligatures": lambda r: "ﷺ" * 60_000,
    "emoji": lambda r: "👨‍👩‍👧" * 20_000,
    "data heads": lambda r: "data:image/png;base64,()" * 20_000,
    "joiners": lambda r: "的" + "\u200d" * 200_000 + "的",
    "odd characters": lambda r: "".join(map(chr, range(1, 0xFFFF))) * 4,
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_text_is_chunked_whole(wordpiece: TokenCounter, name: str) -> None:
    """Anything quadratic here takes minutes: the run's own time limit is the judge."""
    text = clean(HOSTILE[name](random.Random(1)))
    [spans] = Chunker(wordpiece, 800, 200, "").chunk([("", text)])
    assert lost(text, spans) == ""
    assert max(spans.counts) <= 800


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ﷺ" * 3_000, id="one character is 18 under NFKC"),
        pytest.param("\U00010000\U00010001" * 2_000, id="one character is four bytes"),
        pytest.param("".join(map(chr, range(0x100, 0x3000))), id="one character is a token"),
        pytest.param("        x = [1]\n" * 2_000, id="indentation is tokens"),
        pytest.param(f"{' ' * 190}x = [1]\n" * 300, id="so is a deep one"),
        pytest.param("0123456789" * 2_000, id="digits are tokens"),
    ],
)
def test_text_dense_in_tokens_is_chunked_whole(counter: TokenCounter, text: str) -> None:
    text = clean(text)
    [spans] = Chunker(counter, 96, 24, "").chunk([("", text)])
    assert lost(text, spans) == ""
    assert max(spans.counts) <= 96


def test_no_room_for_text_is_refused(wordpiece: TokenCounter) -> None:
    with pytest.raises(ValueError, match="chunks of 17 tokens are too small"):
        Chunker(wordpiece, 17, 0, "")
    with pytest.raises(ValueError, match="special tokens and prefix take"):
        Chunker(wordpiece, 100, 0, "word " * 90)
    with pytest.raises(ValueError, match="overlap of 99"):
        Chunker(wordpiece, 100, 99, "")


def test_threads_chunk_at_once_without_mixing() -> None:
    random_ = random.Random(3)
    texts = [
        " ".join(random_.choices(["pump", "valve", "水泵", "pressure."], k=random_.randrange(3000)))
        for _ in range(40)
    ]
    with ThreadPoolExecutor(4) as threads:
        for make in KINDS.values():
            chunk = Chunker(open_counter(make())[0], 128, 32, "").chunk
            alone = [chunk([("", text)]) for text in texts]
            assert list(threads.map(chunk, [[("", text)] for text in texts])) == alone
