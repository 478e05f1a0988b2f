"""What is read of objects is what is stored, whatever happens to the connections."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import zstandard

from pulse_cli.errors import Fatal, Kind, SourceChanged, Unavailable
from pulse_cli.model import Document, Note, Position, Record
from pulse_cli.read import ObjectOptions, ReadOptions, find_objects, open_source
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.objects.bucket import OBJECTS_AHEAD, RANGE
from pulse_cli.read.source import InputSource
from tests.object_servers import Fault, FileServer, S3Server

OPTIONS = ReadOptions(objects=ObjectOptions(timeout=5), give_up_after=5)


def lines(count: int, words: int = 20) -> bytes:
    pages = (
        {
            "markdown": f"# Page {n}\n\n" + f"word{n} " * words,
            "metadata": {"url": f"https://e.org/{n}"},
        }
        for n in range(count)
    )
    return b"".join(json.dumps(page).encode() + b"\n" for page in pages)


def opened(
    specs: Sequence[str], options: ReadOptions = OPTIONS, window: int = 0, **more: Any
) -> InputSource:
    """The source as it is now; with a small `window`, taken up within already in small objects."""
    source = open_source(specs, options, objects=find_objects(specs, options), **more)
    if not window:
        return source
    addresses = Addresses(specs, None, [one.name for one in source.inputs])
    return InputSource(source.inputs, (), addresses, options, window=window)


def pages(records: Sequence[Record]) -> list[str]:
    return [one.content.text for one in records if isinstance(one.content, Document)]


class Sleeps:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return sum(self.slept)


COUNT = 400
LARGE = lines(COUNT, 3000)  # about 9 MB: three ranges


@pytest.fixture(params=["s3", "web"])
def large(request: pytest.FixtureRequest) -> tuple[FileServer, str, Callable[[bytes], None]]:
    """A server that can fail, the address of a large object there, and how to replace it."""
    if request.param == "web":
        server = request.getfixturevalue("web")
        server.files["/large.jsonl"] = LARGE
        put = lambda data: server.files.update({"/large.jsonl": data})  # noqa: E731
        return server, f"{server.url}/large.jsonl", put
    server, s3 = request.getfixturevalue("front"), request.getfixturevalue("s3")
    s3.make("large", {"large.jsonl": LARGE})
    return server, "s3://large/large.jsonl", lambda data: s3.put("large", "large.jsonl", data)


def test_all_of_a_large_object_is_read(large) -> None:
    _, name, _ = large
    assert len(LARGE) > 2 * RANGE
    source = opened([name])
    records = list(source.records(Position()))
    assert [one.place.line for one in records] == list(range(1, COUNT + 1))
    assert records[-1].position.offset == len(LARGE)
    assert source.progress() == (len(LARGE), len(LARGE))


@pytest.mark.parametrize(
    "faults",
    [
        [None, Fault("cut", size=300_000)],
        [None, None, Fault("cut", size=0), Fault("cut", size=70_000)],
        [None, Fault("status", 503), Fault("status", 500), Fault("status", 429)],
    ],
    ids=["cut", "cut twice", "refused for a while"],
)
def test_what_breaks_off_is_asked_for_again_from_there(large, faults: list[Fault | None]) -> None:
    server, name, _ = large
    clock = Sleeps()
    source = opened([name], sleep=clock.sleep, now=clock.now)
    server.seen.clear()
    server.faults.extend(faults if name.startswith("s3") else filter(None, faults))
    read = list(source.records(Position()))
    assert [one.place.line for one in read] == list(range(1, COUNT + 1))
    assert not server.faults


def test_a_server_that_hangs_is_given_up(large) -> None:
    server, name, _ = large
    clock = Sleeps()
    options = replace(OPTIONS, objects=ObjectOptions(timeout=0.2), give_up_after=1)
    source = opened([name], options, sleep=clock.sleep, now=clock.now)
    server.faults.extend([Fault("hang")] * 20)
    with pytest.raises(Unavailable, match="in") as caught:
        list(source.records(Position()))
    assert "--give-up-after" in caught.value.hint
    assert sum(clock.slept) == pytest.approx(1)


def test_what_is_waited_for_can_be_seen(large) -> None:
    server, name, _ = large
    seen = []

    def sleep(_: float) -> None:
        seen.append(source.waiting())

    source = opened([name], sleep=sleep)
    server.faults.append(Fault("status", 503))
    list(source.records(Position()))
    assert seen[0] is not None
    assert (seen[0].what, "503" in seen[0].error) == (name, True)
    assert source.waiting() is None


def test_an_object_that_is_replaced_meanwhile_is_noticed(large) -> None:
    server, name, put = large
    records = opened([name]).records(Position())
    server.faults.extend(
        [None, None, Fault("cut", size=1000)]
        if name.startswith("s3")
        else [Fault("cut", size=5_000_000)]
    )
    next(records)
    put(LARGE.replace(b"word1 ", b"other "))
    with pytest.raises(SourceChanged, match=name):
        list(records)


def test_an_object_that_is_taken_away_meanwhile_is_noticed(s3: S3Server, web: FileServer) -> None:
    s3.make("vanishing", {"a.jsonl": LARGE})
    web.files["/a.jsonl"] = LARGE
    for name in ("s3://vanishing/a.jsonl", f"{web.url}/a.jsonl"):
        source = opened([name])
        s3.delete("vanishing", "a.jsonl") if name.startswith("s3") else web.files.clear()
        with pytest.raises(SourceChanged, match="is gone"):
            list(source.records(Position()))


def test_a_resumed_reading_asks_only_for_what_is_left(large) -> None:
    server, name, _ = large
    records = list(opened([name]).records(Position()))
    done = records[350]
    source = opened([name], window=1 << 16)
    server.seen.clear()
    assert list(source.records(done.position)) == records[351:]
    starts = [int(one[6:].partition("-")[0]) for one in server.bytes_asked_for if one]
    assert [at for at in starts if at > RANGE] == sorted({at for at in starts if at > RANGE})
    assert done.position.offset in starts
    assert source.progress() == (len(LARGE), len(LARGE))


SMALL = {f"{n:02}.jsonl": lines(1) for n in range(40)}


def _names_asked_for(server: FileServer) -> list[str]:
    return [path.rpartition("/")[2] for method, path, _ in server.seen if method == "GET"]


def test_small_objects_are_asked_for_before_it_is_their_turn(
    front: FileServer, s3: S3Server
) -> None:
    s3.make("small", SMALL)
    source = opened(["s3://small"])
    front.seen.clear()
    records = source.records(Position())
    next(records)
    until = time.monotonic() + 60
    while len(front.seen) < 1 + OBJECTS_AHEAD and time.monotonic() < until:
        time.sleep(0.01)
    assert sorted(_names_asked_for(front)) == list(SMALL)[: 1 + OBJECTS_AHEAD]
    assert [one.place.source[-8:] for one in records] == list(SMALL)[1:]
    assert sorted(_names_asked_for(front)) == list(SMALL)
    records = source.records(Position())
    next(records)
    records.close()  # with requests under way
    assert len(list(source.records(Position()))) == len(SMALL)


def test_a_request_that_was_sent_early_and_failed_is_sent_again(
    front: FileServer, s3: S3Server
) -> None:
    s3.make("early", SMALL)
    clock = Sleeps()
    source = opened(["s3://early"], sleep=clock.sleep, now=clock.now)
    front.faults.extend([None, *[Fault("status", 503)] * 3, *[Fault("cut", size=10)] * 3])
    assert len(pages(list(source.records(Position())))) == len(SMALL)
    assert not front.faults
    assert sum(clock.slept) < OPTIONS.give_up_after


def test_an_object_that_changes_after_it_was_asked_for_early_is_as_listed_or_noticed(
    s3: S3Server,
) -> None:
    s3.make("moving", SMALL)
    records = opened(["s3://moving"]).records(Position())
    next(records)
    s3.put("moving", "39.jsonl", lines(2))
    with pytest.raises(SourceChanged, match="s3://moving/39"):
        list(records)


PLAIN = lines(40)
FORMS = {
    "lines.jsonl": PLAIN,
    "blocks.json": b"\n".join(
        json.dumps(json.loads(line), indent=1).encode() for line in PLAIN.split(b"\n")[:40]
    ),
    "joined.jsonl": PLAIN.replace(b"}}\n{", b"}}{", 7),
    "whole.json": json.dumps({"data": [json.loads(line) for line in PLAIN.splitlines()]}).encode(),
    "packed.jsonl.gz": gzip.compress(PLAIN),
    "packed.jsonl.zst": zstandard.compress(PLAIN),
    "page.html": b"<html><head><link rel=canonical href='https://e.org/x'></head><h1>One</h1>",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("server", ["s3", "ranges", "no ranges", "no etag", "no length"])
def test_a_reading_taken_up_at_any_record_goes_on_with_the_next(
    request: pytest.FixtureRequest, form: str, server: str
) -> None:
    if server == "s3":
        s3: S3Server = request.getfixturevalue("s3")
        s3.make("forms", {form: FORMS[form]})
        name = f"s3://forms/{form}"
    else:
        web: FileServer = request.getfixturevalue("web")
        web.files[f"/{form}"] = FORMS[form]
        web.ranges = server != "no ranges"
        web.length = server != "no length"
        web.etag = "none" if server == "no etag" else "strong"
        name = f"{web.url}/{form}"
    records = list(opened([name], window=64).records(Position()))
    assert pages(records)
    for done, record in enumerate(records, 1):
        again = list(opened([name], window=64).records(record.position))
        assert [one for one in again if not isinstance(one.content, Note)] == records[done:]
        said = [one.content.message for one in again if isinstance(one.content, Note)]
        assert len(said) == (server in ("no ranges", "no etag"))
        assert all("read again from its beginning" in one for one in said)


def test_a_server_without_ranges_is_read_again_and_proved(web: FileServer) -> None:
    web.ranges = False
    web.files["/a.jsonl"] = LARGE
    clock = Sleeps()
    source = opened([f"{web.url}/a.jsonl"], sleep=clock.sleep, now=clock.now)
    web.faults.append(Fault("cut", size=5_000_000))
    assert len(list(source.records(Position()))) == COUNT
    source = opened([f"{web.url}/a.jsonl"], sleep=clock.sleep, now=clock.now)
    web.faults.append(Fault("cut", size=5_000_000))
    records = source.records(Position())
    next(records)
    web.files["/a.jsonl"] = b" " + LARGE[:-1]
    with pytest.raises(SourceChanged):
        list(records)


def test_an_empty_object_is_said_to_be_empty(s3: S3Server, web: FileServer) -> None:
    s3.make("empty", {"a.jsonl": b""})
    web.files["/a.jsonl"] = b""
    for name in ("s3://empty/a.jsonl", f"{web.url}/a.jsonl"):
        [record] = opened([name]).records(Position())
        assert record.content == Note(f"{name} is empty", True, "empty")


def test_a_dripping_server_is_not_waited_for(web: FileServer) -> None:
    web.files["/a.jsonl"] = LARGE
    clock = Sleeps()
    options = replace(OPTIONS, objects=ObjectOptions(timeout=0.3), give_up_after=1)
    source = opened([f"{web.url}/a.jsonl"], options, sleep=clock.sleep, now=clock.now)
    web.faults.extend([Fault("drip", size=1000)] * 20)
    with pytest.raises(Fatal) as caught:
        list(source.records(Position()))
    assert caught.value.kind is Kind.UNAVAILABLE
