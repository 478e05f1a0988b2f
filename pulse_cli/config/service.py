"""Settings of the services that pulse uses: embedder, store, Firecrawl, object storage, network.

The sections are frozen. Secrets are SecretStr (never shown by repr, str or dumps). User and
password are removed from a URL at once. Validation errors never contain the input.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.functional_validators import model_validator

from pulse_cli.collection_name import check_name
from pulse_cli.config.address import check_http, looks_like_host, split_user_info
from pulse_cli.config.fields import DurationField, PathField, WholeField, expanded


class Section(BaseModel):
    """One section of the settings: frozen, refuses unknown keys, keeps input out of errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )


class Service(Section):
    """A section with a `url`. User and password in it move to `basic_auth`, which is a secret."""

    @model_validator(mode="before")
    @classmethod
    def _take_user_info(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        url, user_info = split_user_info(data["url"])
        if user_info is None:
            return data
        if data.get("basic_auth"):
            raise ValueError("user and password are in the url and in basic_auth: keep one")
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
        default=None, description="model of a /v1/embeddings server; null: the only one it serves"
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
        default=120.0, gt=0, description="time for one request, from sending to the last byte"
    )
    batch: WholeField | None = Field(
        default=None, ge=1, description="texts per request; null: what the server says it takes"
    )

    max_tokens: WholeField | None = Field(
        default=None,
        ge=16,
        description="most tokens of a text at a /v1/embeddings server; null: what the server says "
        "of its model, else 512",
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
    """Where the index is kept: vectors, BM25 terms and payloads."""

    url: str | None = Field(
        default=None,
        description="`http(s)://host:6333`, or a folder; null: a folder of pulse's own",
    )
    collection: str = Field(default="pulse_docs", description="name of the index")
    api_key: SecretStr | None = Field(default=None, description="sent as `api-key`")
    other_api_key: SecretStr | None = Field(
        default=None, description="key of another server that a command names (`pulse copy`)"
    )
    basic_auth: SecretStr | None = Field(
        default=None, description="`user:password`; one written into the url is moved here"
    )
    timeout: DurationField = Field(default=60.0, gt=0, description="time for one request")
    on_disk: bool = Field(
        default=False, description="keep vectors on disk, not in memory (for a new collection)"
    )
    quantization: Literal["none", "int8"] = Field(
        default="none",
        description="`int8`: keep small copies of the vectors in memory (for a new collection)",
    )
    shards: WholeField | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="shards of a new collection on a server, for more writes at once (2 to 4 per "
        "node); null: the default of the server",
    )
    bulk: bool = Field(
        default=False,
        description="build the search graph only after the load (useful from about 1 M chunks)",
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
        description="address of an S3-compatible server; null: AWS_ENDPOINT_URL, else Amazon's own",
    )
    instance_role: bool = Field(
        default=False,
        description="ask the metadata service of this machine (169.254.169.254) for credentials",
    )
    timeout: DurationField = Field(
        default=60.0, gt=0, description="time for one request, of 4 MiB at most"
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
        default=False, description="use the proxies and certificates that the environment names"
    )
