"""Settings of the service (`pulse serve`) and of the records it keeps."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr, field_validator, model_validator

from pulse_cli.config.fields import DurationField, SizeField, WholeField
from pulse_cli.config.service import Section

LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
MIN_SECRET = 32


class Serve(Section):
    """How `pulse serve` listens, and what it accepts."""

    host: str = Field(
        default="127.0.0.1",
        description="address to listen on; any other than loopback needs `api_secret` and "
        f"`webhook_secret`, each of at least {MIN_SECRET} characters",
    )
    port: WholeField = Field(default=52100, ge=0, le=65_535, description="port to listen on")
    api_secret: SecretStr | None = Field(
        default=None, description="secret that API calls must send as `Authorization: Bearer`"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="key with which Firecrawl and changedetection sign their events"
    )
    worker: bool = Field(
        default=True, description="index in this process; false: only accept events and search"
    )
    max_body: SizeField = Field(
        default=32 << 20, ge=1024, description="a longer request body is refused (413)"
    )
    max_backlog: SizeField = Field(
        default=1 << 30,
        ge=1 << 20,
        description="size of the accepted pages that may wait; more are refused (503) for a while",
    )
    keep_results: DurationField = Field(
        default=86_400.0, description="how long the results of jobs are kept"
    )
    prune: bool = Field(
        default=False,
        description="after a complete crawl, remove pages of its hosts that it no longer holds",
    )

    @model_validator(mode="after")
    def _open_address_needs_secrets(self) -> Serve:
        secrets = (self.api_secret, self.webhook_secret)
        if LOOPBACK.fullmatch(self.host):
            return self
        if all(one and len(one.get_secret_value()) >= MIN_SECRET for one in secrets):
            return self
        raise ValueError(
            "listening on an address others can reach needs api_secret and webhook_secret,"
            f" each of at least {MIN_SECRET} characters"
        )


class Records(Section):
    """Where operations, crawls and change events are recorded."""

    url: SecretStr | None = Field(
        default=None,
        description="`sqlite:///FILE` or `postgresql+asyncpg://user:password@host/db`; "
        "`records.db` in the state folder if null",
    )
    keep: DurationField = Field(default=30 * 86_400.0, description="how long records are kept")

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: SecretStr | None) -> SecretStr | None:
        known = ("sqlite:///", "postgresql://", "postgresql+asyncpg://")
        if value is not None and not value.get_secret_value().startswith(known):
            raise ValueError("expected sqlite:///FILE or postgresql+asyncpg://user@host/db")
        return value
