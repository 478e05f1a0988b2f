"""What each reason of an outcome means, and what to do about it.

The summary of a run, `pulse status` and docs/operations/outcomes.md say it in these words.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """`meaning` says what happened, `remedy` what to do."""

    meaning: str
    remedy: str


DEAD = {
    "bad-payload": Reason(
        "The metadata of the page cannot be written as JSON.",
        "Report it: reading should have refused the page earlier.",
    ),
    "bad-url": Reason(
        "No address of the page is a valid `http`, `https` or `file` address.",
        "Mend the address in the input, or name the right field with `source.map`.",
    ),
    "bad-vector": Reason(
        "The embedder answered with a vector that is not finite, has norm 0, or has "
        "the wrong length, for this text alone.",
        "Look at the log of the embedding server; retry the dead letter.",
    ),
    "batch-too-large": Reason(
        "The server refused even a single text as too large a batch.",
        "Check the limits of the embedding server; set `embed.batch`.",
    ),
    "crawl-failed": Reason(
        "A crawl that was followed to its end has failed or was cancelled.",
        "What it brought is indexed. Give the same `pulse crawl` again: it starts a new one.",
    ),
    "damaged-gzip": Reason(
        "The compressed data is damaged from here on. What stood before was indexed.",
        "Copy the file again.",
    ),
    "damaged-zstd": Reason("The same for Zstandard.", "Copy the file again."),
    "embedding-failed": Reason(
        "The embedder kept failing at this text.",
        "Look at the log of the embedding server; retry the dead letter.",
    ),
    "empty": Reason(
        "The embedder says that the text is empty.",
        "Retry after a change of the page; exclude it otherwise.",
    ),
    "expands-too-far": Reason(
        "The compressed file expands to more than 200 times its size, or more than "
        "`source.max_expanded`.",
        "Raise `source.max_expanded` if the file is yours and right.",
    ),
    "invalid-json": Reason(
        "The value is not valid JSON.", "Mend the line; the dead letter holds its bytes."
    ),
    "invalid-utf8": Reason(
        "The text is not valid UTF-8 (nor UTF-16).", "Convert the file, for example with `iconv`."
    ),
    "keeps-failing": Reason(
        "A service failed at this page time after time, while it answered other requests.",
        "Look at the log of the service; retry the dead letter.",
    ),
    "no-url": Reason(
        "The page has no address.",
        "`--url` for files of markdown or HTML and for answers of `/v2/parse`; `--set "
        "source.map='url=FIELD'` for records of your own.",
    ),
    "not-json": Reason(
        "The file holds none of the formats that pulse reads.", "See [Inputs](../guide/inputs.md)."
    ),
    "not-unicode": Reason(
        "The text cannot be sent, because it holds code points that are no characters.",
        "Clean the text in the input.",
    ),
    "refused": Reason(
        "The embedder refused this text with a status of 400, 413 or 422.",
        "The dead letter quotes the answer; retry it after a change of the server's settings.",
    ),
    "store-rejected": Reason(
        "The store refused the points of this page.",
        "The dead letter quotes the answer of the store.",
    ),
    "too-deep": Reason("The JSON value is nested too deeply to be a page.", "Split it."),
    "too-large": Reason(
        "A single text or point is larger than the service takes.",
        "Raise the limit of the service, or lower `chunk.max_tokens`.",
    ),
    "too-long": Reason(
        "In reading: the record is longer than `source.max_record`. In embedding: the "
        "text is longer than the server takes.",
        "Raise `source.max_record`; set `embed.max_tokens` to the limit of the server.",
    ),
    "truncated": Reason(
        "The input ends within a value or within compressed data.", "Copy or export it again."
    ),
    "unknown-shape": Reason(
        "A record that may hold text, under a name that pulse does not know.",
        "The dead letter lists its keys and the `source.map` that reads it.",
    ),
    "wrong-type": Reason("The text of the page is not a string.", "Mend the record."),
}

SKIPPED = {
    "blank": Reason(
        "The page has no text.",
        'Scrape it with `formats: ["markdown"]` and, for pages made by scripts, `waitFor`.',
    ),
    "excluded": Reason("The address matches `--exclude`.", "Change the glob."),
    "failed-scrape": Reason(
        "Firecrawl says that it could not scrape this page of the crawl.",
        "Crawl again. What the index holds of the page stays in it.",
    ),
    "http-error": Reason(
        "Firecrawl met HTTP status 400 or above.", "`--include-errors`, or crawl again."
    ),
    "not-included": Reason("The address matches no `--include`.", "Change the glob."),
    "nothing-to-search": Reason(
        "No text was left after cleaning (only images, for example).",
        "Nothing: there is nothing to find.",
    ),
    "robots-blocked": Reason(
        "The site's robots.txt forbids Firecrawl to fetch this page.",
        "Nothing, unless the site is yours.",
    ),
    "sitemap-xml": Reason(
        "The page is a sitemap: addresses and dates run together.",
        "Nothing: its pages are indexed one by one.",
    ),
    "too-short": Reason("The text is shorter than `--min-chars`.", "Lower it."),
}

NO_PAGE = {
    "addresses-file": Reason(
        "A text file of addresses, such as `firecrawl map` writes.",
        "Scrape the addresses: `firecrawl scrape URL ... --json`.",
    ),
    "binary-file": Reason(
        "A file of a kind that pulse does not know.", "Export its pages as JSON, one to a line."
    ),
    "blank-line": Reason("An empty line.", "Nothing."),
    "csv-file": Reason(
        "A table of values separated by commas.", "See [Tables](../guide/inputs.md#tables)."
    ),
    "empty-response": Reason(
        "A response whose list of pages is empty, and that holds nothing else.",
        "Look whether the crawl found anything.",
    ),
    "error-list": Reason(
        "The answer of the `errors` endpoint of a crawl.", "Nothing; its pages were never fetched."
    ),
    "event-without-page": Reason(
        "A webhook event without pages, such as `crawl.started`.", "Nothing."
    ),
    "extract-only": Reason(
        "A scrape or an extraction with data, but without page text.",
        'Scrape with `formats: ["markdown"]`.',
    ),
    "failed-scrape": Reason("Firecrawl reports that this scrape failed.", "Crawl the page again."),
    "image-file": Reason("A picture.", "Nothing: there is no text in it."),
    "job-handle": Reason(
        "The answer that began a crawl, not its result.", "`pulse index firecrawl:crawl/ID`."
    ),
    "map-output": Reason(
        "The answer of `map`: addresses without pages.", "Crawl or scrape the addresses."
    ),
    "media-file": Reason("Sound or video.", "Nothing: there is no text in it."),
    "not-whole": Reason(
        "A page of an index that is read as a source, some of whose chunks are missing.",
        "Index the crawl again that it came from.",
    ),
    "office-file": Reason(
        "A document of Word, Excel, PowerPoint or LibreOffice.",
        "Send it to Firecrawl's `/v2/parse` and index the answer with `--url`.",
    ),
    "parquet-file": Reason("A Parquet table.", "See [Tables](../guide/inputs.md#tables)."),
    "pdf-file": Reason(
        "A PDF.",
        "Scrape its address with Firecrawl, or send it to `/v2/parse` and index the "
        "answer with `--url`.",
    ),
    "search-hit-without-text": Reason(
        "A search result with title and description only.",
        'Search with `scrapeOptions: {formats: ["markdown"]}`.',
    ),
    "sitemap-file": Reason(
        "A sitemap: addresses of pages.", "Crawl the site; the note names the command."
    ),
    "sqlite-file": Reason("A SQLite database.", "See [Tables](../guide/inputs.md#tables)."),
    "tar-file": Reason("A tar archive.", "Unpack it and index the folder."),
    "text-file": Reason("Plain text without an address.", "`--url` says which page it is."),
    "without-text": Reason(
        "A page that was scraped without its text (`images`, `links`, `summary`, ...).",
        'Scrape with `formats: ["markdown"]`.',
    ),
    "xml-file": Reason("XML that is no sitemap, a feed perhaps.", "Scrape the addresses in it."),
    "zip-file": Reason("A zip archive.", "Unpack it and index the folder."),
}
