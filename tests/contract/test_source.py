"""What every source promises, on all of them: files in lines, streamed, packed, in folders,
a pipe, raw markdown, a remote crawl, objects in a bucket and on a web server."""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import zstandard

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Position
from pulse_cli.ports import Source
from pulse_cli.read import ReadOptions, find_objects, open_source
from tests.object_servers import FileServer, S3Server, s3_environment, serving_files, serving_s3

PAGES = [
    {"markdown": f"# Page {n}\n\n" + "words " * n, "metadata": {"url": f"https://example.org/{n}"}}
    for n in range(12)
]
LINES = b"".join(json.dumps(page).encode() + b"\n" for page in PAGES)
CRAWL = json.dumps({"status": "completed", "data": PAGES}).encode()

Opens = Callable[[], Source]


def _folder(root: Path) -> Path:
    """The pages as a folder of files of several kinds."""
    (root / "sub").mkdir(parents=True)
    (root / "a.jsonl").write_bytes(LINES[: LINES.index(b"\n") + 1])
    (root / "b.json").write_bytes(json.dumps(PAGES[1:4]).encode())
    (root / "c.jsonl.gz").write_bytes(gzip.compress(b"".join(LINES.splitlines(True)[4:8])))
    (root / "sub" / "d.json").write_bytes(b"".join(json.dumps(one).encode() for one in PAGES[8:]))
    return root


class _Status(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith("/errors"):
            self.send_error(404)  # as a Firecrawl that keeps no list of failed pages
            return
        skip = int(parse_qs(urlsplit(self.path).query)["skip"][0])
        value = {"status": "completed", "data": PAGES[skip : skip + 5]}
        if skip + 5 < len(PAGES):
            value["next"] = f"http://elsewhere/v2/crawl/5f?skip={skip + 5}"
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def firecrawl() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Status)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


FILES = {
    "lines": LINES,
    "one object": CRAWL,
    "pretty": json.dumps(PAGES, indent=2).encode(),
    "joined": b"".join(json.dumps(page).encode() for page in PAGES),
    "gzip": gzip.compress(LINES[:400]) + gzip.compress(LINES[400:]),
    "zstd": zstandard.compress(CRAWL),
    "utf-16": LINES.decode().encode("utf-16"),
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with serving_s3() as server:
        server.make("contract", {"a.jsonl": LINES, "b/c.zst": zstandard.compress(LINES)})
        yield server


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving_files() as server:
        server.files["/a.jsonl"] = LINES
        yield server


def _objects(spec: str) -> Opens:
    return lambda: open_source([spec], ReadOptions(), objects=find_objects([spec], ReadOptions()))


@pytest.fixture(params=[*FILES, "folder", "pipe", "crawl", "object", "packed object", "web"])
def opens(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opens:
    """Opens the same source of one kind, again and again."""
    kind = request.param
    if kind == "web":
        return _objects(f"{request.getfixturevalue('web').url}/a.jsonl")
    if "object" in kind and kind != "one object":
        for name, value in s3_environment(request.getfixturevalue("s3").url).items():
            monkeypatch.setenv(name, value)
        return _objects(f"s3://contract/{'b/c.zst' if kind == 'packed object' else 'a.jsonl'}")
    if kind == "folder":
        folder = str(_folder(tmp_path / "pages"))
        return lambda: open_source([folder], ReadOptions())
    if kind == "pipe":
        return lambda: open_source(["-"], ReadOptions(), stdin=io.BytesIO(LINES))
    if kind == "crawl":
        options = ReadOptions(firecrawl_url=request.getfixturevalue("firecrawl"))
        return lambda: open_source(["firecrawl:crawl/5f"], options)
    path = tmp_path / "pages"
    path.write_bytes(FILES[kind])
    return lambda: open_source([str(path)], ReadOptions())


def test_every_page_once_and_in_order(opens: Opens) -> None:
    documents = [record.content for record in opens().records(Position())]
    assert all(isinstance(one, Document) for one in documents)
    assert [one.url for one in documents] == [f"https://example.org/{n}" for n in range(12)]
    assert [one.text for one in documents] == [page["markdown"] for page in PAGES]


def test_a_reading_taken_up_at_any_record_goes_on_with_the_next(opens: Opens) -> None:
    records = list(opens().records(Position()))
    for done, record in enumerate(records, 1):
        assert list(opens().records(record.position)) == records[done:]


def test_positions_only_advance(opens: Opens) -> None:
    last = (-1, -1, -1, -1)
    for record in opens().records(Position()):
        at = record.position
        assert (at.source, at.offset, at.item, at.joined) > last
        assert at.fed >= at.offset
        last = (at.source, at.offset, at.item, at.joined)


def test_places_name_a_source_and_costs_cover_the_text(opens: Opens) -> None:
    source = opens()
    names = {one.name for one in source.inputs}
    for record in source.records(Position()):
        assert record.place.source in names
        assert isinstance(record.content, Document)
        assert record.cost >= len(record.content.text)


def test_progress_only_advances_and_ends_at_the_total(opens: Opens) -> None:
    source = opens()
    seen = [source.progress()]
    for _ in source.records(Position()):
        seen.append(source.progress())
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({total for _, total in seen}) == 1
    done, total = source.progress()
    assert done > 0
    assert total in (None, done)


def test_bytes_that_are_not_those_of_the_position_are_refused(opens: Opens) -> None:
    records = list(opens().records(Position()))
    for record in records[:-1]:
        if record.position.crc:
            wrong = replace(record.position, crc=record.position.crc ^ 1)
            with pytest.raises(Fatal) as caught:
                list(opens().records(wrong))
            assert caught.value.kind is Kind.SOURCE_CHANGED


def test_a_manifest_opens_the_same_inputs(opens: Opens) -> None:
    assert list(opens().inputs) == list(opens().inputs)
