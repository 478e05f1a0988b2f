"""Reading takes bounded memory, whatever the input. Peaks are those of a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import sys
from pathlib import Path
from pulse_cli.model import Position, Unreadable, Document
from pulse_cli.read import ReadOptions, open_source

def peak():
    # not ru_maxrss: a process inherits it from the one that started it
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

open_source([sys.argv[2]], ReadOptions())  # loads what reading needs
list(open_source([sys.argv[2]], ReadOptions()).records(Position()))
before = peak()
documents = lengths = 0
for record in open_source([sys.argv[1]], ReadOptions()).records(Position()):
    documents += isinstance(record.content, Document)
    if isinstance(record.content, Unreadable):
        lengths = record.place.length
    del record
print(peak() - before, documents, lengths)
"""


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peaks are read from /proc"
)


@pytest.fixture
def measure(tmp_path: Path):
    small = tmp_path / "small.jsonl"
    small.write_bytes(b'{"markdown": "x", "metadata": {"url": "https://example.org/"}}\n')

    def run(path: Path) -> tuple[int, int, int]:
        """MiB added at the peak, documents, and the length of the last dead letter."""
        command = [sys.executable, "-c", MEASURE, str(path), str(small)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        added, documents, length = map(int, output.split())
        return added, documents, length

    return run


def _page(n: int, size: int) -> bytes:
    page = {"markdown": "é word " * (size // 8), "metadata": {"url": f"https://example.org/{n}"}}
    return json.dumps(page, ensure_ascii=False).encode()


def _write_crawl(path: Path, size: int) -> int:
    """One line, one object, `size` bytes of pages; returns how many."""
    page, count = _page(1, 8000), 0
    with path.open("wb") as file:
        file.write(b'{"success":true,"status":"completed","data":[' + page)
        while file.tell() < size:
            file.write(b"," + page)
            count += 1
        file.write(b"]}")
    return count + 1


def _write_line(path: Path, size: int) -> int:
    """One line that is one document of `size` bytes, with a page before and behind it."""
    with path.open("wb") as file:
        file.write(_page(1, 800) + b"\n" + b'{"markdown":"')
        begin = file.tell()
        for _ in range(size // 1_000_000):
            file.write(b"0123456789" * 100_000)
        length = file.tell() - begin + 14 + 1
        file.write(b'"}\n' + _page(2, 800))
    return length


@pytest.mark.parametrize("size", [60_000_000, pytest.param(144_000_000, marks=pytest.mark.nightly)])
def test_a_crawl_response_of_one_line_streams(tmp_path, measure, size):
    documents = _write_crawl(tmp_path / "crawl.json", size)
    added, found, _ = measure(tmp_path / "crawl.json")
    assert found == documents
    assert added < 32


@pytest.mark.parametrize(
    "size", [150_000_000, pytest.param(500_000_000, marks=pytest.mark.nightly)]
)
def test_a_line_too_long_is_told_by_its_length(tmp_path, measure, size):
    length = _write_line(tmp_path / "long.jsonl", size)
    added, found, told = measure(tmp_path / "long.jsonl")
    assert (found, told) == (2, length)
    assert added < 96  # source.max_record is 64 MiB


def test_a_document_of_50_mb_is_held_three_times_at_most(tmp_path, measure):
    page = {
        "markdown": "text",
        "metadata": {"url": "https://example.org/"},
        "html": "x" * 50_000_000,
    }
    (tmp_path / "big.jsonl").write_bytes(json.dumps(page).encode() + b"\n" + _page(2, 800))
    added, found, _ = measure(tmp_path / "big.jsonl")
    assert found == 2
    assert added < 170  # its bytes, the parser's copy, and the text
