"""`pulse show`: shows one page of the index, or why it is not in the index."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.layout import rows, width_of
from pulse_cli.cli.streams import write_stdout
from pulse_cli.errors import Fatal, Kind
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.app.show import Fate, Shown
    from pulse_cli.config import Loaded
    from pulse_cli.store.pages import StoredPage

Url = Annotated[str, typer.Argument(metavar="URL", help="Address of a page.")]
Text = Annotated[bool, typer.Option("--text", help="Print only the text of the page.")]
_METADATA = ("title", "description", "url", "source_url", "domain", "language", "country")
_WRITTEN = ("indexed_at", "run_id", "embedder", "content_hash", "version")


@with_settings("qdrant.url", "qdrant.collection", "state_dir")
def show(*, loaded: Loaded, url: Url, text: Text = False, as_json: Json = False) -> int:
    """Show what is stored of a page: metadata, sections, chunks, and which run wrote it.

    If the page is not stored, says why, as far as dead letters, the log of runs and the records
    of the service know, and exits with 1.

    Examples:
    pulse show https://docs.example/guide/install
    pulse show https://docs.example/guide/install --text | less
    pulse show https://docs.example/guide/install --json
    """
    from pulse_cli.app.loop import run
    from pulse_cli.app.show import show as look

    if text and as_json:
        raise Fatal("--text and --json exclude each other", kind=Kind.USAGE)
    found = run(look(loaded.settings, url))
    if as_json:
        write_stdout(json.dumps(as_object(found), ensure_ascii=False))
    elif found.page is None:
        write_stdout(_missing(found))
    elif text:
        write_stdout(found.page.text)
    else:
        write_stdout("\n".join(_lines(found.page, width_of(sys.stdout))))
    return Exit.OK if found.page is not None else Exit.FATAL


def as_object(found: Shown) -> dict[str, Any]:
    """`stored`, and either the page with `chunks` and `text` or `fates`."""
    if found.page is None:
        fates = [
            {"what": one.what, "reason": one.reason, "where": one.where, "at": one.at}
            for one in found.fates
        ]
        return {"key": found.key, "stored": False, "fates": fates}
    page = found.page
    names = ("chunk_index", "section", "token_count", "char_start", "char_end", "text")
    return {
        "key": found.key,
        "stored": True,
        "whole": page.committed,
        "metadata": {name: v for name, v in page.first.items() if name not in names},
        "chunks": [{name: chunk.get(name) for name in names} for chunk in page.chunks],
        "text": page.text,
    }


def _lines(page: StoredPage, width: int) -> list[str]:
    first = page.first
    fields = [(name, str(first[name])) for name in (*_METADATA, *_WRITTEN) if first.get(name)]
    if not page.committed:
        fields.insert(0, ("state", "unfinished: a run is writing it, or was stopped while it did"))
    head = [sanitize(str(first.get("title") or first.get("url")))]
    total = sum(int(chunk.get("token_count") or 0) for chunk in page.chunks)
    lines = [*head, *rows(fields, width), "", f"{len(page.chunks):,} chunks, {total:,} tokens"]
    shown: list[str] = []
    for chunk in page.chunks:
        path = str(chunk.get("section") or "").split(" > ") if chunk.get("section") else []
        same = 0
        while same < min(len(path), len(shown)) and path[same] == shown[same]:
            same += 1
        for depth in range(same, len(path)):
            lines.append(f"  {'  ' * depth}{sanitize(path[depth])}")
        shown = path
        lines.append(f"  {'  ' * len(path)}{_chunk(chunk)}")
    return lines


def _chunk(chunk: Any) -> str:
    start, end = chunk.get("char_start"), chunk.get("char_end")
    begin = " ".join(str(chunk.get("text") or "").split())[:40]
    place = f"[{chunk.get('chunk_index')}] {chunk.get('token_count')} tokens, {start} to {end}"
    return f"{place}: {sanitize(begin)}"


def _missing(found: Shown) -> str:
    lines = [f"{sanitize(found.key)} is not in the index."]
    lines += [_fate(one) for one in found.fates]
    if not found.fates:
        lines.append("  No dead letter and no record names it: no run here has read it, or it was")
        lines.append("  skipped. `pulse index SOURCE --dry-run` says why pages are skipped.")
    return "\n".join(lines)


def _fate(one: Fate) -> str:
    at = f", {one.at}" if one.at else ""
    return sanitize(f"  {one.what}: {one.reason}{at} [{one.where}]")
