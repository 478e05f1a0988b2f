"""The first reading of a shard: everything a run must know before anybody may write.

Nothing is embedded, no service is asked. What is given of a shard is 8 bytes a document, and what
the source says of itself; with `held` also 16 bytes for each page that the crawl holds.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field

from pulse_cli.engine.notes import Notes
from pulse_cli.engine.progress.run_state import MOST_REASONS
from pulse_cli.engine.progress.seen import SeenWriter
from pulse_cli.engine.reading import identified, why_partial
from pulse_cli.model import Document, Position
from pulse_cli.ports import Preparer
from pulse_cli.read.source import InputSource

HASH_BYTES = 8


@dataclass(slots=True)
class Scan:
    """What a shard holds.

    `pieces`: CRC-32 and number of lines of each piece. `keys`: the hashes of the page keys of its
    documents, uint64, in order. `has_parts`: some documents are parts of a page. `partial`: why
    the crawl is not known as a whole (the first few reasons). `held`: entries of `SeenWriter`.
    """

    pieces: list[tuple[int, int]] = field(default_factory=list)
    keys: array[int] = field(default_factory=lambda: array("Q"))
    has_parts: bool = False
    notes: Notes = field(default_factory=Notes)
    partial: list[str] = field(default_factory=list)
    held: bytearray = field(default_factory=bytearray)


def scan(source: InputSource, preparer: Preparer, *, held: bool) -> Scan:
    """Read the shard to its end. Blocking. Raises Transient, Fatal."""
    found = Scan()
    seen = SeenWriter()
    for record in source.records(Position()):
        read = identified(record, preparer)
        if isinstance(record.content, Document):
            assert read.key is not None
            found.keys.append(key_hash(read.key))
            found.has_parts |= record.content.part is not None
        if held and read.key is not None:
            found.held += seen.entries(read.key)
        found.notes.add(record)
        if len(found.partial) < MOST_REASONS and (why := why_partial(read)):
            found.partial.append(why)
    found.pieces = [source.read_pieces.get(number, (0, 0)) for number in range(len(source.inputs))]
    return found


def key_hash(key: str) -> int:
    """8 bytes of a page key. Two pages of equal hash are treated as one, which only costs time."""
    data = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=HASH_BYTES).digest(), "little")
