"""Every setting there is, its default and one line of why.

The tree is the only list of settings: `pulse.example.yaml`, the table in README.md, the
JSON Schema and `pulse config show` are made from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic.functional_validators import model_validator

from pulse_cli.config.address import check_http, command_words, split_user_info
from pulse_cli.config.fields import (
    DurationField,
    GlobsField,
    MapField,
    PathField,
    RealField,
    ShareField,
    SizeField,
    WholeField,
)
from pulse_cli.config.fleet import Fleet, Queue
from pulse_cli.config.service import Embed, Firecrawl, Network, Objects, Qdrant, Section
from pulse_cli.config.serving import Records, Serve
from pulse_cli.config.units import Share

Weight = Annotated[RealField, Field(ge=0, le=1)]


def _quarter(data: dict[str, int]) -> int:
    return data.get("max_tokens", 800) // 4


class Chunk(Section):
    """How pages are cut into chunks."""

    max_tokens: WholeField = Field(
        default=800,
        ge=16,
        description="most tokens of a chunk, as the model counts them, within the model's limit",
    )
    overlap_tokens: WholeField = Field(
        default_factory=_quarter,
        ge=0,
        description="how much of a chunk the next one repeats; default: a quarter of max_tokens",
    )
    context: Literal["section", "title", "none"] = Field(
        default="section",
        description="text that is embedded, and seen by BM25, before each chunk: the title and the"
        " headings above it (`section`), the title alone, or nothing",
    )
    tokenizer: str | None = Field(
        default=None,
        description="`tokenizer.json` of the model, or `hub:ID` to download it; found if null",
    )

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> Chunk:
        if self.overlap_tokens > self.max_tokens // 2:
            raise ValueError("overlap_tokens must be at most half of max_tokens")
        return self


Bm25Language = Literal[
    "none",
    "arabic",
    "azerbaijani",
    "basque",
    "bengali",
    "catalan",
    "chinese",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hebrew",
    "hinglish",
    "hungarian",
    "indonesian",
    "italian",
    "japanese",
    "kazakh",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "slovene",
    "spanish",
    "swedish",
    "tajik",
    "turkish",
]


class Bm25(Section):
    """How words are weighed (BM25)."""

    engine: Literal["qdrant", "rank-bm25"] = Field(
        default="qdrant",
        description="`qdrant`: the BM25 of the store; `rank-bm25`: the original service's scoring,"
        " in a view on disk",
    )
    language: Bm25Language = Field(
        default="english",
        description="stemming and stop words for pages that do not name their language; `none`: no"
        " stemming and no stop words for any page",
    )
    k: RealField = Field(
        default=1.2, ge=0, le=10, description="the higher, the more a repeated word counts"
    )
    b: Weight = Field(default=0.75, description="how much the length of a chunk lowers its score")
    avg_len: RealField = Field(
        default=256.0, gt=0, description="number of words in a chunk of average length"
    )


class Source(Section):
    """What is read, and what is left out."""

    include: GlobsField = Field(
        default=(), description="index only URLs that match one of these globs"
    )
    exclude: GlobsField = Field(default=(), description="skip URLs that match one of these globs")
    min_chars: WholeField = Field(
        default=0, ge=0, description="skip pages with less text than this"
    )
    include_errors: bool = Field(
        default=False, description="index pages of status 400 and above, too"
    )
    base_url: str | None = Field(
        default=None, description="address of raw markdown and HTML files that do not name one"
    )
    map: MapField = Field(
        default={},
        description="the names of fields in records of your own: `{url: link, text: body.content}`",
    )
    max_record: SizeField = Field(
        default=64 << 20,
        ge=1024,
        description="a longer record is a dead letter; this bounds memory",
    )
    max_expanded: SizeField | None = Field(
        default=None,
        ge=1024,
        description="stop unpacking a compressed file at this size; null: at 200 times its own",
    )


class Run(Section):
    """How a run behaves."""

    concurrency: WholeField | None = Field(
        default=None, ge=1, description="embed requests in flight; null: adapted to the server"
    )
    give_up_after: DurationField = Field(
        default=600.0, description="wait this long for a service that is down, then stop (exit 75)"
    )
    max_dead: ShareField = Field(
        default=Share(fraction=0.05),
        description="stop when more records are dead letters (a share: from 1,000 records on)",
    )
    max_prune: ShareField = Field(
        default=Share(fraction=0.2),
        description="most pages of a host, or share of them, that `--prune` removes",
    )
    on_changed_source: Literal["refuse", "restart"] | None = Field(
        default=None,
        description="what to do when the input of an unfinished run has changed; null: `refuse` on"
        " a terminal, elsewhere `restart` if no file ends within a record",
    )
    wait_lock: DurationField = Field(
        default=0.0, description="wait this long for another run to end before exit 11"
    )
    notify: SecretStr | None = Field(
        default=None,
        description="an http(s) URL to which the summary (JSON) of every run is sent, or a command"
        " that gets it on standard input",
    )
    metrics_file: PathField | None = Field(
        default=None, description="file of metrics for Prometheus' textfile collector"
    )

    @field_validator("notify")
    @classmethod
    def _check_notify(cls, value: SecretStr | None) -> SecretStr | None:
        """Raises ValueError without the value, because the URL may hold a token."""
        text = value.get_secret_value() if value is not None else ""
        if "://" in text.partition(" ")[0]:
            check_http(split_user_info(text)[0])
        elif value is not None and not command_words(text):
            raise ValueError("expected an http(s) URL or a command")
        return value


class Search(Section):
    """How `pulse search` ranks."""

    mode: Literal["hybrid", "vector", "bm25"] = Field(
        default="hybrid", description="what to search by"
    )
    limit: WholeField = Field(default=10, ge=1, le=1000, description="number of pages to show")
    min_score: RealField = Field(
        default=0.0, ge=0, le=100, description="leave out pages below this score, in percent"
    )
    rerank: str | None = Field(
        default=None,
        description="address of a reranker for the best 50 pages: TEI's `/rerank`, or Cohere's or "
        "Jina's `/v1/rerank`, `/v2/rerank`",
    )
    rerank_api_key: SecretStr | None = Field(
        default=None, description="sent to the reranker as `Authorization: Bearer`"
    )
    rerank_model: str | None = Field(
        default=None, description="model to ask for at `/v1/rerank` and `/v2/rerank`"
    )
    fusion: Literal["scores", "rrf"] = Field(
        default="scores",
        description="how hybrid search fuses vectors and BM25: by `scores`, or by ranks (`rrf`)",
    )
    vector_weight: Weight = Field(default=0.6, description="weight of vectors in hybrid ranking")
    bm25_weight: Weight = Field(default=0.4, description="weight of BM25 in hybrid ranking")
    phrase_weight: Weight = Field(
        default=0.5,
        description="how far the score of a page that holds the query word for word rises towards"
        " 100 % in hybrid ranking (1: all the way)",
    )
    rrf_k: WholeField = Field(
        default=60,
        ge=1,
        description="constant k of `fusion: rrf`: the higher, the less the first ranks stand out",
    )

    @field_validator("rerank")
    @classmethod
    def _check_rerank(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if split_user_info(value)[1] is not None:
            raise ValueError("put the key into rerank_api_key, not into the address")
        return check_http(value)


class Log(Section):
    """Where messages are logged, and in which format."""

    file: PathField | None = Field(default=None, description="append messages to this file as well")
    format: Literal["text", "json"] = Field(
        default="text",
        description="`json`: one object a line, in the file, and on stderr unless it is a terminal",
    )


class Output(Section):
    """How progress is shown."""

    progress: Literal["auto", "rich", "plain", "json", "none"] = Field(
        default="auto", description="`auto`: live on a terminal, plain lines elsewhere"
    )


class Settings(Section):
    """All settings of pulse; see `pulse config show` for the effective ones."""

    state_dir: PathField | None = Field(
        default=None,
        description="checkpoints, dead letters and locks; `$XDG_STATE_HOME/pulse` if null",
    )
    embed: Embed = Embed()
    chunk: Chunk = Chunk()
    qdrant: Qdrant = Qdrant()
    bm25: Bm25 = Bm25()
    source: Source = Source()
    run: Run = Run()
    search: Search = Search()
    network: Network = Network()
    firecrawl: Firecrawl = Firecrawl()
    objects: Objects = Objects()
    serve: Serve = Serve()
    records: Records = Records()
    queue: Queue = Queue()
    fleet: Fleet = Fleet()
    log: Log = Log()
    output: Output = Output()

    @property
    def state_folder(self) -> Path:
        """Where checkpoints, dead letters and locks are kept."""
        return self.state_dir or platformdirs.user_state_path("pulse", appauthor=False)
