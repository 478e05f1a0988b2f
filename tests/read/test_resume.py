"""A reading taken up at any record yields exactly what the uninterrupted one yields after it."""

from __future__ import annotations

import gzip

import pytest
import zstandard

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Position

WINDOWS = [1 << 20, 300, 16]


@pytest.mark.parametrize("window", WINDOWS)
def test_every_record_of_every_shape_is_a_place_to_resume(reader, samples, window):
    for name, data in samples.items():
        records = reader.read(data, name, window=window)
        for done, record in enumerate(records, 1):
            source = reader.source(data, name, window=window)
            assert list(source.records(record.position)) == records[done:], (name, done)


def test_what_is_read_does_not_depend_on_the_window(reader, sample):
    name, data = sample
    whole = reader.contents(data, name, window=1 << 20)
    for window in WINDOWS[1:]:
        pieces = reader.contents(data, name, window=window)
        assert [str(one)[:200] for one in pieces] == [str(one)[:200] for one in whole]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_resume_within_compressed_data(reader, samples, pack):
    for name in ("document_per_line.jsonl", "crawl.json", "concatenated.json", "mixed.jsonl"):
        data = pack(samples[name])
        plain = reader.contents(samples[name], name)
        records = reader.read(data, name, window=300)
        assert len(records) == len(plain)
        for done, record in enumerate(records, 1):
            rest = list(reader.source(data, name, window=300).records(record.position))
            assert rest == records[done:]


def test_resume_across_many_inputs(reader, samples):
    records = reader.read(samples, window=300)
    assert {record.position.source for record in records} == set(range(len(samples)))
    for done in range(1, len(records), 9):
        rest = list(reader.source(samples, window=300).records(records[done - 1].position))
        assert rest == records[done:]


def test_positions_never_fall_back_and_leave_no_document_behind(reader, sample):
    name, data = sample
    records = reader.read(data, name)
    positions = [record.position for record in records]
    places = [(one.source, one.offset, one.item, one.joined) for one in positions]
    assert places == sorted(set(places))
    fed = [record.position.fed for record in records]
    assert fed == sorted(fed)
    left = data[fed[-1] :]
    assert not left or (name.endswith(".json") and b"markdown" not in left)


@pytest.mark.parametrize("name", ["document_per_line.jsonl", "crawl.json", "concatenated.json"])
def test_a_byte_changed_before_the_position_is_refused(reader, samples, name):
    data = samples[name]
    records = reader.read(data, name, window=300)
    middle = records[len(records) // 2].position
    for at in range(0, middle.fed, 7):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(Fatal, match="is not what it was") as caught:
            list(reader.source(changed, name, window=300).records(middle))
        assert caught.value.kind is Kind.SOURCE_CHANGED


@pytest.mark.parametrize("name", ["document_per_line.jsonl", "crawl.json", "concatenated.json"])
def test_an_input_that_ends_before_the_position_is_refused(reader, samples, name):
    data = samples[name]
    last = reader.read(data, name, window=300)[-1].position
    for size in range(0, last.fed, 11):
        with pytest.raises(Fatal) as caught:
            list(reader.source(data[:size], name, window=300).records(last))
        assert caught.value.kind is Kind.SOURCE_CHANGED


def test_a_file_that_only_grew_goes_on(reader, samples, make_page):
    data = samples["document_per_line.jsonl"]
    records = reader.read(data)
    longer = data + data
    rest = list(reader.source(longer).records(records[1].position))
    assert len(rest) == 4
    after_all = list(reader.source(longer).records(records[-1].position))
    assert [one.content for one in after_all] == [one.content for one in records]


def test_an_empty_file_that_grew_is_read_from_its_beginning(reader, samples):
    (note,) = reader.read(b"")
    grown = reader.source(samples["document_per_line.jsonl"])
    assert len(list(grown.records(note.position))) == 3


def test_records_before_the_start_of_a_later_input_count_as_read(reader, samples):
    files = {"a.jsonl": samples["document_per_line.jsonl"], "b.jsonl": samples["flat_text.jsonl"]}
    source = reader.source(files)
    assert len(list(source.records(Position(source=1)))) == 2
    total = sum(len(data) for data in files.values())
    assert source.progress() == (total, total)
