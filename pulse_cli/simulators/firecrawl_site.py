"""The web as a simulated Firecrawl sees it: documents in the forms of its API, v0 to v2.

Any address has a page, whose text follows from the address, unless a test says what is there:
another document, or an error. A crawl of an address finds the pages that were set below it or,
where there are none, `limit` made-up ones.
Source of the forms: Firecrawl's API reference (v0, v1, v2) and its OpenAPI files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

Document = dict[str, Any]
WORDS = [
    "kettle",
    "harbour",
    "lantern",
    "meadow",
    "granite",
    "violin",
    "saffron",
    "compass",
    "orchard",
    "thunder",
]
PARAGRAPHS = 3


class Site:
    """What is where. A page that holds `error` cannot be scraped."""

    def __init__(self) -> None:
        self.pages: dict[str, Document] = {}

    def set(self, pages: Sequence[Mapping[str, Any]]) -> None:
        """Put documents of the v2 form, or `{url, error}`, in place of what was set before."""
        self.pages = {address_of(page): dict(page) for page in pages}

    def page(self, url: str) -> Document:
        """What is at `url`."""
        return self.pages.get(url) or made_up(url)

    def below(self, url: str, limit: int) -> list[Document]:
        """What a crawl of `url` finds, in its order."""
        found = [page for address, page in self.pages.items() if address.startswith(url)]
        if found:
            return found[:limit]
        return [self.page(f"{url.rstrip('/')}/page-{number}") for number in range(limit)]


def address_of(page: Mapping[str, Any]) -> str:
    """The address under which a page was asked for."""
    metadata = page.get("metadata") or {}
    return str(metadata.get("sourceURL") or metadata.get("url") or page["url"])


def made_up(url: str) -> Document:
    """A page whose text follows from its address: the same each time."""
    seed = hashlib.sha256(url.encode()).digest()
    title = f"About {urlsplit(url).path.strip('/') or urlsplit(url).netloc}"
    sentences = [
        f"The {WORDS[one % 10]} of {url} stands beside the {WORDS[one // 10 % 10]}."
        for one in seed[:PARAGRAPHS]
    ]
    text = "\n\n".join(sentences)
    return {
        "markdown": f"# {title}\n\n{text}",
        "html": f"<h1>{title}</h1>" + "".join(f"<p>{one}</p>" for one in sentences),
        "metadata": {
            "title": title,
            "language": "en",
            "sourceURL": url,
            "url": url,
            "statusCode": 200,
            "contentType": "text/html; charset=utf-8",
            "scrapeId": seed.hex()[:32],
        },
    }


def shown(page: Document, version: str, formats: Sequence[Any]) -> Document:
    """A page in the form of one version of the API, with the formats that were asked for."""
    metadata = dict(page["metadata"])
    if version == "v0":
        metadata["pageStatusCode"] = metadata.pop("statusCode", 200)
        text = page.get("markdown", "")
        return {"content": text, "markdown": text, "linksOnPage": [], "metadata": metadata}
    wanted = {one.get("type") if isinstance(one, dict) else one for one in formats or ("markdown",)}
    content = {name: page[name] for name in ("markdown", "html", "rawHtml") if name in page}
    return {
        **{name: value for name, value in content.items() if name in wanted},
        "metadata": metadata,
    }
