"""What is put before a chunk: the title of its page and the headings above it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.model import Document, Section
from pulse_cli.ports import TokenCounter
from pulse_cli.prepare import PrepareOptions, open_preparer
from pulse_cli.prepare.chunker import Chunker
from pulse_cli.prepare.context import address_words, heading_text, page_title

LIMIT = 60
WORDS = "the night watch looks after the backup and writes the time into the book "


def sections_of(
    counter: TokenCounter, title: str, text: str, *, headings: bool = True
) -> list[Section]:
    [spans] = Chunker(counter, LIMIT, 0, headings=headings).chunk([(title, text)])
    return spans.sections


def below(heading: str) -> str:
    """A section that fills a chunk."""
    return f"{heading}\n\n{WORDS * 3}\n\n"


def test_chunks_stand_below_the_headings_above_them(wordpiece: TokenCounter) -> None:
    text = "".join(
        map(below, ["Before.", "# Night", "## Backup", "#### Tapes", "## Doors", "Setext\n==="])
    )
    assert [(one.context, one.path) for one in sections_of(wordpiece, "Handbook", text)] == [
        ("Handbook", ""),
        ("Handbook > Night", "Night"),
        ("Handbook > Night > Backup", "Night > Backup"),
        ("Handbook > Night > Backup > Tapes", "Night > Backup > Tapes"),
        ("Handbook > Night > Doors", "Night > Doors"),
        ("Handbook > Setext", "Setext"),
    ]


def test_without_headings_the_title_stands_alone(wordpiece: TokenCounter) -> None:
    found = sections_of(wordpiece, "Handbook", below("# Night"), headings=False)
    assert set(found) == {Section("Handbook", "")}


def test_what_the_line_above_says_is_not_repeated(wordpiece: TokenCounter) -> None:
    text = below("# night | the Handbook") + below("## Handbook") + below("### Doors")
    found = sections_of(wordpiece, "Night | The Handbook | site", text)
    assert [one.path for one in found] == ["", "", "Doors"]


def test_headings_in_code_are_none(wordpiece: TokenCounter) -> None:
    found = sections_of(wordpiece, "T", f"```\n# comment\n{WORDS * 2}\n```\n\n{WORDS * 2}")
    assert {one.path for one in found} == {""}


@pytest.mark.parametrize("title", ["word " * 200, "Donaudampfschifffahrt" * 40, "a > b " * 90])
def test_a_long_context_is_cut_to_a_quarter_of_the_limit(
    wordpiece: TokenCounter, title: str
) -> None:
    text = "".join(map(below, ["# Night", "## Backup"]))
    [spans] = Chunker(wordpiece, LIMIT, 0).chunk([(title, text)])
    for section, begin, end, count in zip(
        spans.sections, spans.starts, spans.ends, spans.counts, strict=True
    ):
        assert f"{title} > Night > Backup".startswith(section.context)
        assert wordpiece.count([section.context])[0] <= LIMIT // 4
        [whole] = wordpiece.count([f"{section.context}\n{text[begin:end]}"])
        assert count == whole + wordpiece.special <= LIMIT


HEADINGS = st.lists(
    st.tuples(
        st.integers(1, 6), st.text("ab >*_`[](){}#&;<\\é中", max_size=12), st.integers(0, 60)
    ),
    max_size=30,
)


@given(headings=HEADINGS, title=st.text("ab cé>", min_size=1, max_size=30))
def test_chunks_are_counted_with_their_context(
    counter: TokenCounter, headings: list[tuple[int, str, int]], title: str
) -> None:
    text = "\n\n".join(f"{'#' * level} {name}\n\n{'x y ' * n}" for level, name, n in headings)
    [spans] = Chunker(counter, LIMIT, 10).chunk([(title, text)])
    for section, begin, end, count in zip(
        spans.sections, spans.starts, spans.ends, spans.counts, strict=True
    ):
        context = f"{section.context}\n" if section.context else ""
        [whole] = counter.count([context + text[begin:end]])
        assert count == whole + counter.special <= LIMIT
        assert counter.count([context])[0] <= LIMIT // 4


class Tally:
    """A counter that adds up how many characters it was given."""

    def __init__(self, inner: TokenCounter) -> None:
        self.name, self.special, self.breaks = inner.name, inner.special, inner.breaks
        self._inner = inner
        self.characters = 0

    def count(self, texts: Sequence[str]) -> Sequence[int]:
        self.characters += sum(map(len, texts))
        return self._inner.count(texts)


@pytest.mark.parametrize("heading", ["# {}", "###### {}", "## {} " + "word " * 40])
def test_a_page_of_headings_costs_no_more_than_its_text(
    wordpiece: TokenCounter, heading: str
) -> None:
    text = "\n".join(heading.format(number) for number in range(3_000))
    tally = Tally(wordpiece)
    sections_of(tally, "A title of some words", text)
    assert tally.characters < 8 * len(text)


@pytest.mark.parametrize(
    ("title", "text", "url", "named"),
    [
        pytest.param("  A\n title ", "# H", "https://e.com/a", "A title", id="the title"),
        pytest.param(None, "Text.\n\n## The *first*", "https://e.com/a", "The first", id="heading"),
        pytest.param(
            "", "Text.", "https://e.com/docs/night-watch.html", "docs night watch", id="path"
        ),
        pytest.param(None, "Text.", "https://me@e.com/", "e.com", id="host"),
        pytest.param("**", "# [​](#a)\n\n# `b`", "https://e.com", "b", id="names of marks alone"),
    ],
)
def test_a_page_is_named(title: str | None, text: str, url: str, named: str) -> None:
    assert page_title(title, text, url) == named


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('## Install [​](#install "Direct link to Install")', "Install"),
        ("# A \\_b\\_ `c_d` **e**", "A _b_ c_d e"),
        ("### [Linked](https://e.com/x) <Badge/> text {#anchor}", "Linked  text"),
        ("## AT&amp;T #", "AT&T"),
    ],
)
def test_a_heading_is_its_words(line: str, words: str) -> None:
    assert heading_text(line) == words


def test_an_address_that_is_none_has_no_words() -> None:
    assert address_words("http://[") == ""


def test_a_page_whose_title_alone_changed_is_another_version(wordpiece: TokenCounter) -> None:
    preparer = open_preparer(PrepareOptions(max_tokens=LIMIT, overlap_tokens=0), wordpiece)
    old, new = (Document("https://e.com/", WORDS, title=title) for title in ("Old", "New"))
    assert preparer.identify(old).version != preparer.identify(new).version
    [[chunk]] = preparer.chunks(preparer.prepare([(new, preparer.identify(new))]), 0, 9)
    assert (chunk.full_text, chunk.text) == (f"New\n{WORDS.strip()}", WORDS.strip())
