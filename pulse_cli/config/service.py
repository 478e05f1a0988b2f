"""Settings of what pulse talks to: embedder, store, Firecrawl, and the network between.

Frozen, secrets are SecretStr (never shown by repr, str or dumps), user-info of a URL is
taken out of it at once, and validation errors never carry input.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.functional_validators import model_validator

from pulse_cli.collection_name import check_name
from pulse_cli.config.address import check_http, looks_like_host, split_user_info
from pulse_cli.config.fields import DurationField, PathField, WholeField, expanded


class Section(BaseModel):
    """One part of the tree: frozen, unknown keys refused, input kept out of errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )


class Service(Section):
    """A section with a `url`, whose user-info moves to `basic_auth`, where it is a secret."""

    @model_validator(mode="before")
    @classmethod
    def _take_user_info(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        url, user_info = split_user_info(data["url"])
        if user_info is None:
            return data
        if data.get("basic_auth"):
            raise ValueError("user and password stand in the url and in basic_auth: keep one")
        return {**data, "url": url, "basic_auth": user_info}

    @field_validator("basic_auth", check_fields=False)
    @classmethod
    def _check_basic_auth(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and ":" not in value.get_secret_value():
            raise ValueError("expected user:password")
        return value


class Embed(Service):
    """What turns text into vectors."""

    url: str = Field(
        default="local",
        description="`local` (bundled model, offline), `http(s)://host` (TEI), or "
        "`openai+http(s)://host` (any /v1/embeddings server)",
    )
    api_key: SecretStr | None = Field(default=None, description="sent as `Authorization: Bearer`")
    basic_auth: SecretStr | None = Field(
        default=None, description="`user:password`; one written into the url is moved here"
    )
    model: str | None = Field(
        default=None, description="model to ask a /v1/embeddings server for; its only one if null"
    )
    model_path: PathField | None = Field(
        default=None, description="another ONNX file for `local` (same tokenizer and dimensions)"
    )
    document_prefix: str = Field(
        default="", description="put before every chunk (E5: `passage: `); see the model's card"
    )
    query_prefix: str = Field(
        default="", description="put before every query (E5: `query: `); see the model's card"
    )
    timeout: DurationField = Field(
        default=120.0, gt=0, description="for one request, from sending it to its last byte"
    )
    batch: WholeField | None = Field(
        default=None, ge=1, description="texts per request; what the server says it takes if null"
    )

    max_tokens: WholeField | None = Field(
        default=None,
        ge=16,
        description="tokens a text may have at a /v1/embeddings server; what it says of its model, "
        "else 512, if null",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if value == "local":
            return value
        if looks_like_host(value):
            raise ValueError("write http:// (TEI) or openai+http:// before the host")
        schemes = ("http", "https", "openai+http", "openai+https")
        try:
            return check_http(value, schemes)
        except ValueError as error:
            raise ValueError(f"`local`, or an address: {error}") from None

    @model_validator(mode="after")
    def _one_credential(self) -> Embed:
        if self.api_key and self.basic_auth:
            raise ValueError("api_key and a user in the url use the same header: keep one")
        return self


class Qdrant(Service):
    """Where vectors and terms are kept."""

    url: str | None = Field(
        default=None,
        description="`http(s)://host:6333`, or a folder; a folder of pulse's own if null",
    )
    collection: str = Field(
        default="pulse_docs", description="one index; also names the default folder"
    )
    api_key: SecretStr | None = Field(default=None, description="sent as `api-key`")
    other_api_key: SecretStr | None = Field(
        default=None, description="the key of any other server that a command names (`pulse copy`)"
    )
    basic_auth: SecretStr | None = Field(
        default=None, description="`user:password`; one written into the url is moved here"
    )
    timeout: DurationField = Field(default=60.0, gt=0, description="for one request")
    on_disk: bool = Field(
        default=False, description="keep vectors on disk, not in memory (new collections only)"
    )
    quantization: Literal["none", "int8"] = Field(
        default="none",
        description="`int8` keeps small copies of the vectors in memory (new ones only)",
    )
    shards: WholeField | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="of a new collection on a server, for more writes at once (2 to 4 per node); "
        "the server's own default if null",
    )
    bulk: bool = Field(
        default=False,
        description="build the vector index after the load (pays from about 1 M chunks)",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None or "://" in value:
            return check_http(value) if value else None
        if looks_like_host(value):
            raise ValueError("write http:// before the host (a folder of that name: ./ before it)")
        return str(expanded(value))

    @field_validator("collection")
    @classmethod
    def _check_collection(cls, value: str) -> str:
        return check_name(value)


class Firecrawl(Section):
    """Where `firecrawl:crawl/ID` is fetched from."""

    url: str = Field(
        default="https://api.firecrawl.dev", description="address of the Firecrawl API"
    )
    api_key: SecretStr | None = Field(default=None, description="also read from FIRECRAWL_API_KEY")

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if split_user_info(value)[1] is not None:
            raise ValueError("put credentials into api_key, not into the url")
        return check_http(value)


class Objects(Section):
    """How `s3://`, `gs://`, `az://` and `https://` sources are reached."""

    endpoint: str | None = Field(
        default=None,
        description="address of an S3-compatible server; also read from AWS_ENDPOINT_URL; "
        "Amazon's own if null",
    )
    instance_role: bool = Field(
        default=False,
        description="ask the metadata service of this machine (169.254.169.254) for credentials",
    )
    timeout: DurationField = Field(
        default=60.0, gt=0, description="for one request, of 4 MiB at most"
    )

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if split_user_info(value)[1] is not None:
            raise ValueError("credentials are taken from the environment, not from the address")
        return check_http(value).rstrip("/")


class Network(Section):
    """How services are reached."""

    trust_env: bool = Field(
        default=False, description="use the proxies and certificates named by the environment"
    )
