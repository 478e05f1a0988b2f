"""Parts of a page become the page, wherever the reading is taken up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.errors import SourceChanged
from pulse_cli.model import Document, NoDocument, Part, Place, Position, Record, Unreadable
from pulse_cli.read.joining import Limits, joined

WIDE = Limits(page=1 << 20)
Item = tuple[str, int | None]  # a page and the number of its part, None for a whole page


def _records(items: Sequence[Item | None], start: Position) -> Iterator[Record]:
    for number, item in enumerate(items[start.offset :], start.offset + 1):
        content: Any = NoDocument("blank-line")
        if item is not None:
            url, part = item
            text = f"whole {number}" if part is None else f"part {part}."
            mark = None if part is None else Part((str(part),), (part,))
            content = Document(f"https://a.org/{url}", text, part=mark)
        yield Record(Place("x", line=number), Position(offset=number), content, 100)


def _read(
    items: Sequence[Item | None], limits: Limits = WIDE, start: Position | None = None
) -> list[Record]:
    return list(joined(lambda at: _records(items, at), start or Position(), limits))


def _texts(items: Sequence[Item | None], limits: Limits = WIDE) -> list[tuple[str, str]]:
    contents = [record.content for record in _read(items, limits)]
    return [(one.url[14:], one.text) for one in contents if isinstance(one, Document)]


def test_parts_that_adjoin_are_one_page():
    items = [("a", None), ("b", 0), ("b", 1), ("c", 0), ("c", 1), ("d", None)]
    assert _texts(items) == [
        ("a", "whole 1"),
        ("b", "part 0.\n\npart 1."),
        ("c", "part 0.\n\npart 1."),
        ("d", "whole 6"),
    ]
    records = _read(items)
    assert [record.place.line for record in records] == [1, 2, 4, 6]
    assert [record.content.part.count for record in records[1:3]] == [2, 2]


def test_parts_in_any_order_are_put_into_theirs():
    items = [("b", 2), ("c", 1), None, ("b", 0), ("a", None), ("c", 0), ("b", 1)]
    assert _texts(items) == [
        ("b", "part 0.\n\npart 1.\n\npart 2."),
        ("c", "part 0.\n\npart 1."),
        ("a", "whole 5"),
    ]


def test_the_same_part_again_begins_a_later_version_of_the_page():
    items = [("a", 0), ("a", 1), ("a", 0), ("a", 1), ("a", None), ("a", 2)]
    assert [text for _, text in _texts(items)] == [
        "part 0.\n\npart 1.",
        "part 0.\n\npart 1.",
        "whole 5",
        "part 2.",
    ]


def test_parts_without_an_order_stay_in_that_of_the_input():
    def reads(start: Position) -> Iterator[Record]:
        for record in _records([("a", 1), ("a", 0)], start):
            assert isinstance(record.content, Document)
            part = replace(record.content.part or Part(()), order=())
            yield replace(record, content=replace(record.content, part=part))

    (record,) = joined(reads, Position(), WIDE)
    assert record.content.text == "part 1.\n\npart 0."


def test_a_stretch_ends_after_a_while_without_a_part():
    far = [("a", 0), *[(str(n), None) for n in range(3)], ("a", 1)]
    assert len(_texts(far, WIDE._replace(patience=4))) == 4
    assert len(_texts(far, WIDE._replace(patience=3))) == 5


def test_a_long_stretch_ends_before_the_page_that_goes_on():
    items = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)]
    short = WIDE._replace(stretch=450)
    assert _texts(items, short) == _texts(items)
    assert _read(items, short)[0].position == Position(offset=2)


def test_a_page_whose_parts_are_too_long_is_one_dead_letter():
    items = [("a", 0), *[("b", n) for n in range(9)], ("c", 0)]
    contents = [record.content for record in _read(items, Limits(page=600, stretch=300))]
    (dead,) = [one for one in contents if isinstance(one, Unreadable)]
    assert (dead.reason, dead.excerpt) == ("too-long", "part 0.")
    assert dead.url == "https://a.org/b"
    assert "9 parts" in dead.detail
    assert len(contents) == 3


LIMITS = st.builds(
    Limits, page=st.sampled_from([350, 10_000]), stretch=st.sampled_from([150, 350, 9_000]),
    patience=st.integers(1, 5),
)  # fmt: skip
ITEMS = st.lists(
    st.one_of(
        st.none(), st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 4)))
    ),
    max_size=25,
)


@settings(deadline=None)
@given(ITEMS, LIMITS)
def test_every_record_is_a_place_to_resume(items, limits):
    records = _read(items, limits)
    places = [(record.position.offset, record.position.joined) for record in records]
    assert places == sorted(set(places))
    for done, record in enumerate(records, 1):
        assert _read(items, limits, record.position) == records[done:]


@settings(deadline=None)
@given(ITEMS, LIMITS)
def test_nothing_is_lost_and_nothing_doubled(items, limits):
    contents = [record.content for record in _read(items, limits)]
    count = sum(
        one.part.count if isinstance(one, Document) and one.part else 1
        for one in contents
        if not isinstance(one, Unreadable)
    )
    dead = sum(int(one.detail.split()[1]) for one in contents if isinstance(one, Unreadable))
    assert count + dead == len(items)
    if limits.page > 400:
        texts = " ".join(one.text for one in contents if isinstance(one, Document))
        for number in range(5):
            parts = sum(item is not None and item[1] == number for item in items)
            assert texts.count(f"part {number}.") == parts


def test_other_records_than_before_are_refused():
    items: list[Item | None] = [("a", 0), ("b", 0), ("a", 1), ("c", 0)]
    second = _read(items)[1].position
    assert (second.offset, second.joined) == (0, 2)
    for others in ([("a", 5), *items[1:]], [("a", 0)]):
        with pytest.raises(SourceChanged):
            _read(others, start=second)
