"""An input that is not JSON: one page of raw markdown, or one dead letter."""

from __future__ import annotations

from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.firecrawl.file_address import FileAddress
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.detect import Kind
from pulse_cli.read.framing.json_span import CappedBuffer, Content
from pulse_cli.read.framing.scan import BOM


def single_content(
    reader: ByteReader, kind: Kind, address: FileAddress | None, shapes: Shapes, max_record: int
) -> Content:
    """Consume the whole input and say what it is."""
    whole = CappedBuffer(reader.offset, reader.line, max_record)
    while reader.at < len(reader.data) or reader.more():
        with memoryview(reader.data)[reader.at :] as piece:
            whole.add(piece)
        reader.consume(len(reader.data))
    if reader.damage:
        return whole.unreadable(reader.damage.reason, reader.damage.detail)
    if kind is Kind.OTHER:
        begins = bytes(whole.kept[:24])
        return whole.unreadable("not-json", f"not JSON: it begins with {begins!r}")
    if not whole.whole:
        detail = f"{whole.size:,} bytes are more than source.max_record ({max_record:,})"
        return whole.unreadable("too-long", detail)
    try:
        text = whole.kept.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        return whole.unreadable("invalid-utf8", f"not valid UTF-8 at byte {error.start:,}")
    return shapes.markdown(text, address)
