"""The bodies of calls, as pydantic models: what callers of the original service send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator


def _either(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class EventBody(BaseModel):
    """An event of Firecrawl. Read page by page, so this form is for the description only."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "type": "crawl.page",
                    "id": "crawl-1",
                    "data": [
                        {
                            "markdown": "# Getting started\n\nInstall it, then run it.",
                            "metadata": {
                                "url": "https://docs.example/start",
                                "title": "Getting started",
                                "statusCode": 200,
                            },
                        }
                    ],
                }
            ]
        },
    )

    type: str
    success: bool = True
    id: str | None = None
    jobId: str | None = None  # noqa: N815 - Firecrawl's name in its API v0
    data: list[dict[str, Any]] | dict[str, Any] = []
    metadata: dict[str, Any] = {}
    error: str | None = None


class IndexRequest(BaseModel):
    """One page. Only `url` and a text (`markdown`, else `html`) are needed."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "url": "https://docs.example/start",
                    "title": "Getting started",
                    "markdown": "# Getting started\n\nInstall it, then run it.",
                }
            ]
        },
    )

    url: str = Field(min_length=1)
    markdown: str | None = None
    html: str | None = None
    resolved_url: str | None = Field(
        default=None, validation_alias=_either("resolvedUrl", "resolved_url")
    )
    title: str | None = None
    description: str | None = None
    language: str | None = None
    country: str | None = None
    status_code: int | None = Field(
        default=None, validation_alias=_either("statusCode", "status_code")
    )
    is_mobile: bool | None = Field(default=None, validation_alias=_either("isMobile", "is_mobile"))

    def as_page(self) -> dict[str, Any]:
        """The page as Firecrawl writes one."""
        metadata = {
            "url": self.url,
            "sourceURL": self.resolved_url or self.url,
            "title": self.title,
            "description": self.description,
            "language": self.language,
            "country": self.country,
            "isMobile": self.is_mobile,
            "statusCode": self.status_code,
        }
        page: dict[str, Any] = {
            "metadata": {name: value for name, value in metadata.items() if value is not None}
        }
        if self.markdown or not self.html:
            page["markdown"] = self.markdown or ""
        else:
            page["html"] = self.html
        return page


class ChangeRequest(BaseModel):
    """An address that changed, from the JSON body that changedetection.io is told to send."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "watch_id": "6f1c",
                    "watch_url": "https://docs.example/start",
                    "watch_title": "Getting started",
                    "detected_at": "2026-05-01T12:00:00Z",
                    "diff_url": "https://watch.example/diff/6f1c",
                    "snapshot": "Install it, then run it.",
                }
            ]
        },
    )

    watch_id: str = Field(min_length=1, max_length=255)
    watch_url: str = Field(min_length=1, max_length=8192)
    watch_title: str | None = None
    detected_at: datetime
    diff_url: str | None = None
    snapshot: str | None = None

    @field_validator("detected_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        """Without a zone it is UTC. Moments that UTC has no year for are refused."""
        try:
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except OverflowError:
            raise ValueError("it is outside the years 1 to 9999") from None


class SearchFilters(BaseModel):
    """Pages must have exactly these values."""

    domain: str | None = None
    language: str | None = None
    country: str | None = None
    is_mobile: bool | None = Field(default=None, validation_alias=_either("isMobile", "is_mobile"))


class SearchRequest(BaseModel):
    """A query. `semantic` asks the vectors, `keyword` and `bm25` the words, `hybrid` both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"query": "rotate the keys", "mode": "hybrid", "limit": 5, "filters": {}}]
        }
    )

    query: str = Field(min_length=1, max_length=10_000)
    mode: Literal["hybrid", "semantic", "vector", "keyword", "bm25"] = "hybrid"
    limit: int = Field(default=10, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000)
    filters: SearchFilters | None = None
