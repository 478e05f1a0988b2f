"""The fixtures are what their builder makes, and hold what the tests rely on."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_the_shapes_hold_the_same_documents_and_are_current(tmp_path):
    shutil.copytree(FIXTURES / "pages", tmp_path / "pages")
    shutil.copy(FIXTURES / "build.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "build.py"], check=True)
    for name in ("handbook.jsonl", "handbook.crawl.json"):
        assert (FIXTURES / name).read_bytes() == (tmp_path / name).read_bytes(), name
    lines = (FIXTURES / "handbook.jsonl").read_bytes()
    assert gzip.decompress((FIXTURES / "handbook.jsonl.gz").read_bytes()) == lines
    crawl = (FIXTURES / "handbook.crawl.json").read_bytes()
    assert b"\n" not in crawl
    assert json.loads(crawl)["data"] == [json.loads(line) for line in lines.splitlines()]


def test_there_is_one_of_everything_that_happens():
    pages = [json.loads(line) for line in (FIXTURES / "handbook.jsonl").open(encoding="utf-8")]
    assert len(pages) == 44
    status = [page["metadata"]["statusCode"] for page in pages]
    assert status.count(404) == 1
    assert [page["markdown"] for page in pages].count("") == 1
    languages = {page["metadata"]["language"] for page in pages}
    assert languages == {"en", "ja", "zh-CN"}
    bare = [page["metadata"]["url"].partition("?")[0] for page in pages]
    assert len(bare) - len(set(bare)) == 1
    assert sum("```" in page["markdown"] for page in pages) > 20
    assert sum("\n|---" in page["markdown"] for page in pages) > 5
