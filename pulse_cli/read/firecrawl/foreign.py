"""Files of other formats: what each one is, and how to get its pages into an index.

The format is recognised by content (`framing.signatures`). Such a file is not a dead letter,
because a retry could not read it either.
"""

from __future__ import annotations

import re

from pulse_cli.model import NoDocument

_PARSED = "let Firecrawl read it (scrape its address, or send it to /v2/parse) and index the answer"
_ROWS = "write its rows as JSON, one a line, and name the columns to read: --set source.map=..."

FOREIGN = {
    "pdf": NoDocument("pdf-file", f"a PDF; {_PARSED}"),
    "office": NoDocument("office-file", f"an office document; {_PARSED}"),
    "image": NoDocument("image-file", "an image; there is no text in it to search for"),
    "media": NoDocument("media-file", "sound or video; there is no text in it to search for"),
    "csv": NoDocument("csv-file", f"a table (CSV); {_ROWS}"),
    "parquet": NoDocument("parquet-file", f"a table (Parquet); {_ROWS}"),
    "sqlite": NoDocument("sqlite-file", f"a SQLite database; {_ROWS}"),
    "zip": NoDocument(
        "zip-file", "a zip archive; unpack it and index the folder: unzip FILE -d pages"
    ),
    "tar": NoDocument(
        "tar-file",
        "a tar archive; unpack it and index the folder: mkdir pages; tar -xf FILE -C pages",
    ),
    "xml": NoDocument("xml-file", "XML, perhaps a feed; scrape the addresses in it with Firecrawl"),
    "addresses": NoDocument(
        "addresses-file",
        "a list of addresses, not of pages; scrape them with Firecrawl, index the answers",
    ),
    "text": NoDocument("text-file", "plain text; say with --url which page it is"),
    "binary": NoDocument(
        "binary-file", "of a format that pulse does not know; export its pages as JSON, one a line"
    ),
}
"""For each kind what such a file is, and what to do."""

_LOCATION = re.compile(r"<loc>\s*([^<\s]{1,2000})", re.IGNORECASE)


def sitemap(xml: str) -> NoDocument:
    """The content for a sitemap, which holds addresses of pages for a crawler."""
    count = sum(1 for _ in _LOCATION.finditer(xml))
    first = _LOCATION.search(xml)
    site = re.match(r"https?://[^/?#\s]+", first[1]) if first else None
    crawl = f": firecrawl crawl {site[0]} --wait -o crawl.json" if site else ""
    return NoDocument(
        "sitemap-file", f"a sitemap: {count:,} addresses, no pages; crawl the site{crawl}"
    )
