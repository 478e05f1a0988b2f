"""Finds the dead letters of one page in all files of the state folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.prepare.identity import canonical_url

SUFFIX = ".dead.jsonl"


def letters_of(folder: Path, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """File and letter for each dead letter of the page with this canonical URL, newest first.

    Lines that are no dead letters or hold no address are left out. Raises OSError.
    """
    files = sorted(folder.rglob(f"*{SUFFIX}"), key=lambda path: -path.stat().st_mtime)
    tail = key.rpartition("/")[2].encode()
    for path in files:
        with path.open("rb") as lines:
            for line in lines:
                if tail in line and (letter := _read(line)) and key in _addresses(letter):
                    yield path, letter


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        letter = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return letter if isinstance(letter, dict) else None


def _addresses(letter: dict[str, Any]) -> set[str]:
    record = letter.get("record")
    if not isinstance(record, dict):
        return set()
    metadata = record.get("metadata")
    within = [record, metadata if isinstance(metadata, dict) else {}]
    names = ("url", "sourceURL", "source_url")
    found = [place.get(name) for place in within for name in names]
    return {canonical_url(one) for one in found if isinstance(one, str)}
