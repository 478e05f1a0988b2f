"""What the user named becomes an ordered list of inputs, and nothing else is opened."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import threading
from pathlib import Path

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Note, Position
from pulse_cli.read import Change, ReadOptions, changed_inputs, open_source

LINE = b'{"markdown": "text", "metadata": {"url": "https://example.org/%d"}}\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "crawls"
    for number, name in enumerate(
        ["b.jsonl", "a/z.json", "a/b/c.ndjson", "a.json", "c.jsonl.gz", "Z.JSONL", ".hidden.jsonl",
         ".git/x.json", "notes.txt", "page.md", "run.dead.jsonl", "run.ckpt.json", "page.pdf"]
    ):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE % number)
    return root


def _names(source, root):
    return [os.path.relpath(one.name, root) for one in source.inputs]


def _notes(source):
    records = source.records(Position())
    return [one.content.message for one in records if isinstance(one.content, Note)]


def test_a_folder_is_read_in_order_and_the_rest_is_noted(tree):
    source = open_source([str(tree)], ReadOptions())
    expected = ["Z.JSONL", "a/b/c.ndjson", "a/z.json", "a.json", "b.jsonl", "c.jsonl.gz"]
    assert _names(source, tree) == expected
    (note,) = _notes(source)
    kinds = ("2 files of pulse itself", "1 .txt", "1 .pdf", "1 .md (raw markdown needs --url)")
    for words in kinds:
        assert words in note
    assert "hidden" not in note


def test_a_folder_of_html_is_read(tmp_path):
    page = b"<!DOCTYPE html><link rel=canonical href=https://a.example/tea><p>Water first."
    for name in ("a.html", "b.HTM", "c.xhtml"):
        (tmp_path / name).write_bytes(page)
    records = list(open_source([str(tmp_path)], ReadOptions()).records(Position()))
    assert [one.content.url for one in records] == ["https://a.example/tea"] * 3
    assert records[0].content.text == "Water first.\n"


def test_pipes_devices_and_loops_in_a_folder_are_passed_over(tree):
    os.mkfifo(tree / "pipe.jsonl")
    (tree / "loop").symlink_to(tree)
    (tree / "gone.jsonl").symlink_to(tree / "nowhere")
    (tree / "null.json").symlink_to("/dev/null")
    (tree / "good.jsonl").symlink_to(tree / "b.jsonl")
    source = open_source([str(tree)], ReadOptions())
    assert "good.jsonl" in _names(source, tree)
    assert len(source.inputs) == 7
    (note,) = _notes(source)
    for words in ("2 pipes or devices", "1 links to folders", "1 broken links"):
        assert words in note


def test_folders_may_be_deeper_than_the_stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("d").mkdir()
        os.chdir("d")
    Path("x.jsonl").write_bytes(LINE % 1)
    os.chdir(tmp_path)
    found = len(open_source(["d"], ReadOptions()).inputs)
    subprocess.run(["rm", "-r", "d"], check=True)  # shutil.rmtree recurses
    assert found == 1


def test_names_that_are_not_utf8_are_read_like_others(tree):
    path = tree / os.fsdecode(b"\xff.jsonl")
    path.write_bytes(LINE % 1)
    assert str(path) in [one.name for one in open_source([str(tree)], ReadOptions()).inputs]
    assert len(list(open_source([str(path)], ReadOptions()).records(Position()))) == 1


def test_globs_are_sorted_and_folders_in_them_opened(tree):
    source = open_source([f"{tree}/a*"], ReadOptions())
    assert _names(source, tree) == ["a/b/c.ndjson", "a/z.json", "a.json"]
    source = open_source([f"{tree}/**/*.json"], ReadOptions())
    assert _names(source, tree) == ["a.json", "a/z.json", "run.ckpt.json"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    path = tmp_path / "x[1].jsonl"
    path.write_bytes(LINE % 1)
    assert len(open_source([str(path)], ReadOptions()).inputs) == 1


def test_what_is_named_itself_is_read_whatever_it_is_called(tree):
    names = [str(tree / name) for name in (".hidden.jsonl", "notes.txt", "run.dead.jsonl")]
    source = open_source(names, ReadOptions())
    contents = [record.content for record in source.records(Position())]
    assert [type(one) for one in contents] == [Document] * 3


@pytest.mark.parametrize(
    "spec", ["nowhere.jsonl", "nowhere/*.json", "firecrawl:crawl/", "firecrawl:crawl/a/b"]
)
def test_what_does_not_exist_is_a_usage_error(tmp_path, spec):
    spec = spec if spec.startswith("firecrawl") else str(tmp_path / spec)
    with pytest.raises(Fatal) as caught:
        open_source([spec], ReadOptions())
    assert caught.value.kind is Kind.MISSING_SOURCE
    assert caught.value.hint


def test_stdin_can_be_named_once(tmp_path):
    with pytest.raises(Fatal, match="twice"):
        open_source(["-", "-"], ReadOptions())


def test_an_unreadable_file_is_a_usage_error(without_root):
    path = without_root / "x.jsonl"
    path.write_bytes(LINE % 1)
    path.chmod(0)
    with pytest.raises(Fatal, match="cannot be read") as caught:
        open_source([str(path)], ReadOptions())
    assert caught.value.kind is Kind.MISSING_SOURCE


def test_identity_of_an_input(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(LINE % 1 * 2000)
    (one,) = open_source([str(path)], ReadOptions()).inputs
    found = path.stat()
    assert (one.size, one.mtime_ns, one.inode) == (found.st_size, found.st_mtime_ns, found.st_ino)
    assert one.head_hash == hashlib.sha256(path.read_bytes()[: 64 * 1024]).hexdigest()


def test_a_manifest_fixes_what_is_read(tree):
    first = open_source([str(tree)], ReadOptions())
    records = list(first.records(Position()))
    (tree / "0-new.jsonl").write_bytes(LINE % 99)
    (tree / "new").mkdir()
    again = open_source([str(tree)], ReadOptions(), first.inputs)
    assert list(again.inputs) == list(first.inputs)
    assert [one.content for one in again.records(records[2].position)] == [
        one.content for one in records[3:]
    ]


def test_an_input_of_the_manifest_that_is_gone_is_refused(tree):
    manifest = open_source([str(tree)], ReadOptions()).inputs
    (tree / "a.json").unlink()
    with pytest.raises(Fatal) as caught:
        list(open_source([str(tree)], ReadOptions(), manifest).records(Position()))
    assert caught.value.kind is Kind.SOURCE_CHANGED


def test_changes_of_inputs_are_told(tmp_path):
    data = LINE % 1 * 3000
    how = {}
    for name in ("same", "longer", "shorter", "different", "missing", "short"):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "short").write_bytes(LINE % 1)
    specs = [str(tmp_path / name) for name in sorted(p.name for p in tmp_path.iterdir())]
    manifest = [
        *open_source(specs, ReadOptions()).inputs,
        *open_source(["-"], ReadOptions()).inputs,
    ]
    (tmp_path / "longer").write_bytes(data + b"more")
    (tmp_path / "shorter").write_bytes(data[:-1])
    (tmp_path / "different").write_bytes(b" " + data[1:])
    (tmp_path / "missing").unlink()
    (tmp_path / "short").write_bytes(LINE % 1 * 2)
    for change in changed_inputs(manifest, {}):
        assert isinstance(change, Change)
        how[Path(change.name).name] = change.how
    assert how == {
        "same": "same", "longer": "longer", "shorter": "shorter", "different": "different",
        "missing": "missing", "short": "longer", "-": "same",
    }  # fmt: skip


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        return self._data.read(min(self._step, size))


def _without_notes(records):
    return [(one.content, one.position) for one in records if not isinstance(one.content, Note)]


def test_how_a_pipe_trickles_changes_nothing(reader, samples):
    for name, data in samples.items():
        whole = _without_notes(reader.read(data, name))
        for step in (1, 7, 64, 1 << 20):
            source = open_source(["-"], ReadOptions(), stdin=Trickle(data, step))  # type: ignore[arg-type]
            assert _without_notes(source.records(Position())) == whole, (name, step)
            assert source.progress() == (len(data), None), (name, step)


def test_a_slow_pipe_is_passed_on_as_it_comes():
    data = b"".join(LINE % n for n in range(50))
    source = open_source(["-"], ReadOptions(), stdin=Trickle(data, len(LINE)))  # type: ignore[arg-type]
    read = []
    for _ in source.records(Position()):
        read.append(source.progress()[0])
    assert read[0] <= 4 * len(LINE)
    assert read[-1] == len(data)


def test_a_named_fifo_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(LINE % 1 + LINE % 2))
    writer.start()
    source = open_source([str(path)], ReadOptions())
    records = list(source.records(Position()))
    writer.join()
    assert [one.content.url for one in records] == [
        "https://example.org/1",
        "https://example.org/2",
    ]


def test_a_pipe_is_read_again_up_to_the_position_or_refused():
    data = LINE % 1 + LINE % 2 + LINE % 3
    records = list(open_source(["-"], ReadOptions(), stdin=io.BytesIO(data)).records(Position()))
    at = records[1].position
    rest = list(open_source(["-"], ReadOptions(), stdin=io.BytesIO(data)).records(at))
    assert rest == records[2:]
    other = data.replace(b"org/2", b"org/7")
    with pytest.raises(Fatal, match="not what it was"):
        list(open_source(["-"], ReadOptions(), stdin=io.BytesIO(other)).records(at))
