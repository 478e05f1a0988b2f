"""The way in: what the user named becomes a source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

from pulse_cli.errors import Fatal
from pulse_cli.model import Input, Note
from pulse_cli.read.bytes.inputs import find_inputs
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.options import ReadOptions
from pulse_cli.read.source import InputSource


def open_source(
    specs: Sequence[str],
    options: ReadOptions,
    manifest: Sequence[Input] | None = None,
    *,
    stdin: BinaryIO | None = None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> InputSource:
    """A source over files, folders, globs, `-` (stdin), `firecrawl:crawl/ID`, `index:NAME`.

    Without a manifest the specs are expanded now; with one (a resumed run) exactly its inputs
    are read, in its order, whatever folders hold by now. `stdin` stands in for the process's
    own; `sleep` and `now` are the clock of what is asked of Firecrawl. Raises Fatal for what
    does not exist, cannot be read, or is not clear.
    """
    markdown = bool(options.base_url)
    if manifest is None:
        inputs, notes = find_inputs(specs, markdown)
    else:
        inputs, notes = list(manifest), _notes_again(specs, markdown)
    addresses = Addresses(specs, options.base_url, [one.name for one in inputs])
    return InputSource(inputs, notes, addresses, options, stdin, sleep, now)


def _notes_again(specs: Sequence[str], markdown: bool) -> list[Note]:
    """What was noted about the folders, for a run that stopped before its first record."""
    try:
        return find_inputs(specs, markdown).notes
    except Fatal:
        return []
