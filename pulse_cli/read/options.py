"""The options of a reader: plain values, independent of how the user configured them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulse_cli.errors import Fatal, Kind
from pulse_cli.read.index_records import StoredDocuments

MAPPABLE = frozenset(
    {
        "url",
        "text",
        "title",
        "description",
        "language",
        "country",
        "is_mobile",
        "source_url",
        "status",
    }
)


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """How objects are reached.

    `endpoint` is the address of an S3-compatible server, None for Amazon's own. With
    `instance_role` the metadata service of the machine may be asked for credentials. `timeout` is
    in seconds, for one request. `addresses` are the full addresses that hold secrets, by their
    public names.
    """

    endpoint: str | None = None
    instance_role: bool = False
    timeout: float = 60.0
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How sources are read.

    `max_record`: bytes of one document (or of a value that is not read as a stream of
    documents); longer ones become dead letters. `field_map` names the place of fields in
    home-made records (`{"url": "link", "text": "body.content"}`); for the fields see MAPPABLE.
    `include` and `exclude` are globs on the URL; `*` matches `/`, too. `min_chars` counts the text
    without blanks at its ends. `include_errors` keeps pages of HTTP status >= 400.

    `max_expanded` bounds the size in bytes to which a compressed input may expand. None bounds it
    by ratio: 200 times the stored bytes, but at least 256 MiB (see `unpack`).

    `base_url` gives raw markdown its URL: the URL of a single file, or that of a folder, to which
    the paths of its files are appended. As a mapping: folder -> URL.

    `follow_up_to`: a running crawl is followed to its end; the number is the limit of pages of the
    crawl. None reads the pages that are there.

    `firecrawl_*`: the API from which `firecrawl:crawl/ID` sources are read. `timeout` is in
    seconds, for one whole request. After `give_up_after` seconds without an answer the source is
    given up. With `trust_env` proxies and netrc of the environment are used. `stored` reads the
    indexes that `index:NAME` sources name.
    """

    max_record: int = 64 * 1024 * 1024
    field_map: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_chars: int = 0
    include_errors: bool = False
    max_expanded: int | None = None
    base_url: str | Mapping[str, str] | None = None
    firecrawl_url: str = "https://api.firecrawl.dev"
    firecrawl_api_key: str | None = field(default=None, repr=False)
    follow_up_to: int | None = None
    trust_env: bool = False
    timeout: float = 60.0
    give_up_after: float = 600.0
    stored: StoredDocuments | None = field(default=None, repr=False)
    objects: ObjectOptions = ObjectOptions()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.field_map) - MAPPABLE)
        if unknown:
            raise Fatal(
                f"source.map has no field {unknown[0]!r}",
                hint=f"fields that can be mapped: {', '.join(sorted(MAPPABLE))}",
                kind=Kind.CONFIG,
            )
