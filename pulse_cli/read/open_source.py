"""The way in: what the user named becomes a source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from pulse_cli.errors import Fatal
from pulse_cli.model import Input, Note
from pulse_cli.read.bytes.inputs import Objects, find_inputs
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.objects.address import is_object
from pulse_cli.read.options import ReadOptions
from pulse_cli.read.pieces import Piece
from pulse_cli.read.source import InputSource


def open_source(
    specs: Sequence[str],
    options: ReadOptions,
    manifest: Sequence[Input] | None = None,
    *,
    objects: Objects = MappingProxyType({}),
    stdin: BinaryIO | None = None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> InputSource:
    """A source over files, folders, globs, objects, `-`, `firecrawl:crawl/ID`, `index:NAME`.

    Without a manifest the specs are expanded now; with one (a resumed run) exactly its inputs
    are read, in its order, whatever folders hold by now. `objects` are what `find_objects` found.
    `stdin` stands in for the process's own; `sleep` and `now` are the clock of what is asked of
    Firecrawl and of object storage. Raises Fatal for what does not exist, cannot be read, or is
    not clear.
    """
    markdown = bool(options.base_url)
    if manifest is None:
        inputs, notes = find_inputs(specs, markdown, objects)
    else:
        inputs, notes = list(manifest), _notes_again(specs, markdown, objects)
    addresses = Addresses(specs, options.base_url, [one.name for one in inputs])
    return InputSource(inputs, notes, addresses, options, stdin, sleep, now)


def open_pieces(specs: Sequence[str], options: ReadOptions, pieces: Sequence[Piece]) -> InputSource:
    """A source over pieces of the inputs that `specs` (of the whole run) stand for."""
    names = [piece.name for piece in pieces]
    addresses = Addresses(specs, options.base_url, names)
    inputs = [Input(piece.name, _size(piece), etag=piece.etag) for piece in pieces]
    return InputSource(inputs, (), addresses, options, pieces=pieces)


def _size(piece: Piece) -> int | None:
    if piece.stop is not None:
        return piece.stop - piece.start
    if is_object(piece.name):
        return piece.input_size
    try:
        return Path(piece.name).stat().st_size
    except OSError:  # no file, or it is gone, which reading it will say
        return None


def _notes_again(specs: Sequence[str], markdown: bool, objects: Objects) -> list[Note]:
    """What was noted about the folders, for a run that stopped before its first record."""
    try:
        return find_inputs(specs, markdown, objects).notes
    except Fatal:
        return []
