"""Opens the sources that the user named."""

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

    Without a manifest the specs are expanded now. With one (of a resumed run) exactly its inputs
    are read, in its order, whatever the folders hold now. `objects` is the result of
    `find_objects`. `stdin` replaces that of the process. `sleep` and `now` are the clock for
    requests to Firecrawl and object storage. Raises Fatal for a source that does not exist, cannot
    be read, or is ambiguous.
    """
    markdown = bool(options.base_url)
    if manifest is None:
        inputs, notes = find_inputs(specs, markdown, objects)
    else:
        inputs, notes = list(manifest), _notes_again(specs, markdown, objects)
    addresses = Addresses(specs, options.base_url, [one.name for one in inputs])
    return InputSource(inputs, notes, addresses, options, stdin, sleep, now)


def open_pieces(specs: Sequence[str], options: ReadOptions, pieces: Sequence[Piece]) -> InputSource:
    """A source over pieces of the inputs of `specs`, which are those of the whole run."""
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
    except OSError:  # not a file, or gone, which reading will report
        return None


def _notes_again(specs: Sequence[str], markdown: bool, objects: Objects) -> list[Note]:
    """The notes about the folders, for a run that stopped before its first record."""
    try:
        return find_inputs(specs, markdown, objects).notes
    except Fatal:
        return []
