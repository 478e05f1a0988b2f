"""`pulse index` of objects, as its user sees it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Pulse
from tests.object_servers import (
    SECRET_KEY,
    Fault,
    FileServer,
    S3Server,
    s3_environment,
    serving_files,
    serving_s3,
)


def lines(*numbers: int) -> bytes:
    pages = (
        {"markdown": f"# Page {n}\n\nkettle {n}", "metadata": {"url": f"https://e.org/{n}"}}
        for n in numbers
    )
    return b"".join(json.dumps(page).encode() + b"\n" for page in pages)


@pytest.fixture(scope="session")
def one_s3() -> Iterator[S3Server]:
    with serving_s3() as server:
        yield server


@pytest.fixture
def s3(one_s3: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in s3_environment(one_s3.url).items():
        monkeypatch.setenv(name, value)
    return one_s3


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving_files() as server:
        yield server


FLAGS = ("--progress", "plain")


def test_a_bucket_is_indexed_and_searched(pulse: Pulse, s3: S3Server, tei: str, home: Path) -> None:
    bad = lines(1, 2) + b"{bad\n"
    s3.make("kitchen", {"a/1.jsonl": bad, "a/2.jsonl.gz": gzip.compress(lines(2, 3))})
    done = pulse("index", "s3://kitchen/a", "--tei", tei, "--json", "--progress", "none")
    assert (done.code, done.json["documents"]["indexed"]) == (3, 3)
    assert done.json["sources"] == ["s3://kitchen/a"]
    [letter] = Path(done.json["dead_letters"]).read_text().splitlines()
    assert (json.loads(letter)["source"], json.loads(letter)["line"]) == (
        "s3://kitchen/a/1.jsonl",
        3,
    )
    again = pulse("index", "s3://kitchen/**/*.jsonl*", "--tei", tei, "--json", "--progress", "none")
    assert again.json["documents"]["unchanged"] == 3
    shown = pulse("status")
    assert "s3://kitchen/a → pulse_docs" in shown.out
    assert SECRET_KEY not in _everything(home, done, again, shown)


def test_an_interrupted_run_goes_on_and_notices_another_object(
    pulse: Pulse, s3: S3Server, tei: str
) -> None:
    s3.make("going", {"a.jsonl": lines(*range(30))})
    begun = pulse("index", "s3://going/a.jsonl", "--tei", tei, "--limit", "10", *FLAGS)
    assert "pulse index s3://going/a.jsonl" in begun.err.replace("\n", " ")
    rest = pulse("index", "s3://going/a.jsonl", "--tei", tei, "--json", "--progress", "none")
    assert rest.json["documents"]["indexed"] == 30
    pulse("index", "s3://going/a.jsonl", "--tei", tei, "--force", "--limit", "10", *FLAGS)
    s3.put("going", "a.jsonl", lines(*range(5)))
    refused = pulse(
        *("index", "s3://going/a.jsonl", "--tei", tei, "--force"),
        *("--on-changed-source", "refuse", "--progress", "none"),
    )
    assert refused.code == 4
    assert "s3://going/a.jsonl is different" in " ".join(refused.err.split())
    anew = pulse(
        "index", "s3://going/a.jsonl", "--tei", tei, "--force", "--json", "--progress=none"
    )
    assert (anew.code, anew.json["records"]) == (0, 5)


def test_an_object_replaced_in_mid_run_begins_anew(pulse: Pulse, web: FileServer, tei: str) -> None:
    web.files["/a.jsonl"] = lines(*range(20))
    web.ranges = False
    found = web.files["/a.jsonl"]

    class Changing(dict[str, bytes]):
        asked = 0

        def get(self, key: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
            self.asked += 1
            return found if self.asked < 4 else lines(*range(7))

    web.files = Changing()
    web.faults.extend([None, None, Fault("cut", size=300)])
    done = pulse(
        *("index", f"{web.url}/a.jsonl", "--tei", tei, "--json", "--progress", "none"),
        *("--on-changed-source", "restart"),
    )
    assert (done.code, done.json["records"]) == (0, 7)


def test_no_secret_is_kept_or_shown(pulse: Pulse, web: FileServer, tei: str, home: Path) -> None:
    web.files["/a.jsonl"] = lines(*range(30))
    address = f"{web.url}/a.jsonl?X-Amz-Signature=canary-signature".replace(
        "http://", "http://user:canary-password@"
    )
    cut = pulse("index", address, "--tei", tei, "--limit", "5", *FLAGS)
    status = pulse("status")
    resume = next(line for line in status.out.splitlines() if "go on" in line)
    assert "/a.jsonl?***" in resume
    assert "***@" in resume
    printed = pulse("index", f"{web.url}/a.jsonl?***", "--tei", tei, *FLAGS)
    assert printed.code == 2
    other = address.replace("canary-signature", "canary-renewed")
    rest = pulse("index", other, "--tei", tei, "--json", "--progress", "none")
    assert rest.json["documents"]["indexed"] == 30
    web.always = (403, b"canary-signature is wrong")
    refused = pulse("index", address, "--tei", tei, "--restart", *FLAGS)
    assert refused.code == 1
    assert "canary" not in _everything(home, cut, status, printed, rest, refused)


def test_a_dry_run_and_the_address_of_markdown(pulse: Pulse, s3: S3Server) -> None:
    s3.make("notes", {"docs/start.md": b"# Start", "docs/deep/index.md": b"# Deep"})
    found = pulse("index", "s3://notes/docs", "--url", "https://a.example", "--dry-run", "--json")
    assert found.json["documents"]["to_index"] == 2 or found.json["records"] == 2
    one = pulse(
        *(
            "index",
            "s3://notes/docs/start.md",
            "--url",
            "https://a.example/x",
            "--dry-run",
            "--json",
        )
    )
    assert one.code == 0


def _everything(home: Path, *ran: object) -> str:
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    return repr((ran, kept))
