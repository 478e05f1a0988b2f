"""Settings of the fleet: the queue of its jobs, and what its workers are allowed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from pulse_cli.config.address import check_http
from pulse_cli.config.fields import DurationField, SizeField, WholeField
from pulse_cli.config.service import Section, Service


class Queue(Service):
    """The Redis or Valkey server through which `pulse index` gives jobs to `pulse worker`."""

    url: str | None = Field(
        default=None,
        description="`redis(s)://host[:port][/database]`, or `unix:///path` of a socket",
    )
    basic_auth: SecretStr | None = Field(
        default=None, description="`user:password`; one written into the url is moved here"
    )
    priority: Literal["high", "default", "low"] = Field(
        default="default", description="which jobs go first where several runs share the workers"
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None or (value.startswith("unix:///") and len(value) > len("unix:///")):
            return value
        try:
            return check_http(value, ("redis", "rediss"))
        except ValueError as error:
            raise ValueError(f"{error}, or unix:///path") from None


class Fleet(Section):
    """What becomes of the jobs of workers that die."""

    retries: WholeField = Field(
        default=3, ge=0, description="how often a job is given out again whose worker was lost"
    )
    shard: SizeField | None = Field(
        default=None,
        ge=1024,
        description="how much of the sources is one job; null: 32 MiB, less where that leaves"
        " workers without a job",
    )
    lost_after: DurationField = Field(
        default=15.0,
        ge=1,
        le=3600,
        description="a worker not heard of for so long loses its job (the same for all workers)",
    )
