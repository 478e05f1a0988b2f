"""An input that is not JSON: one page of raw markdown or HTML, or a file that holds no page."""

from __future__ import annotations

from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.bytes.inputs import SUFFIXES
from pulse_cli.read.firecrawl.file_address import FileAddress
from pulse_cli.read.firecrawl.foreign import FOREIGN, sitemap
from pulse_cli.read.firecrawl.html_page import text_of
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.detect import Kind
from pulse_cli.read.framing.json_span import CappedBuffer, Content
from pulse_cli.read.framing.scan import BOM
from pulse_cli.read.framing.signatures import BY_SIGNATURE, LOOK, kind_of

_MAY_BE_BROKEN = frozenset({"text", "csv", "addresses", "binary"})
"""What a file named as JSON may be, if its beginning is damaged."""


def single_content(
    reader: ByteReader,
    name: str,
    kind: Kind,
    address: FileAddress | None,
    shapes: Shapes,
    max_record: int,
) -> Content:
    """Consume the whole input and return its content."""
    whole = CappedBuffer(reader.offset, reader.line, max_record)
    while reader.at < len(reader.data) or reader.more():
        with memoryview(reader.data)[reader.at :] as piece:
            whole.add(piece)
        reader.consume(len(reader.data))
    if reader.damage:
        return whole.unreadable(reader.damage.reason, reader.damage.detail)
    found = kind_of(bytes(whole.kept[:LOOK]))
    if kind is Kind.OTHER and found in _MAY_BE_BROKEN and _unpacked_name(name).endswith(SUFFIXES):
        begins = bytes(whole.kept[:24])
        return whole.unreadable("not-json", f"not JSON: it begins with {begins!r}")
    if found in BY_SIGNATURE or (kind is Kind.OTHER and found in FOREIGN):
        return FOREIGN[found]
    if not whole.whole:
        detail = f"{whole.size:,} bytes are more than source.max_record ({max_record:,})"
        return whole.unreadable("too-long", detail)
    if found == "sitemap":
        return sitemap(text_of(bytes(whole.kept)))
    if found == "html" and not _unpacked_name(name).endswith(".md"):
        return shapes.html(text_of(bytes(whole.kept)), address)
    try:
        text = whole.kept.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        return whole.unreadable("invalid-utf8", f"not valid UTF-8 at byte {error.start:,}")
    return shapes.markdown(text, address)


def _unpacked_name(name: str) -> str:
    return name.lower().removesuffix(".gz").removesuffix(".zst")
