"""The providers of object storage: their endpoints, and their environment variables.

The variables are those of the providers' own tools. Credentials come only from them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pulse_cli.errors import Fatal, Kind
from pulse_cli.read.objects.address import ObjectAddress

_GOOGLE_LOGIN = "~/.config/gcloud/application_default_credentials.json"
_EMULATOR = "http://127.0.0.1:10000"


@dataclass(frozen=True, slots=True)
class Provider:
    """`endpoint` is the address, "" for the provider's own. `store` is its class in obstore.

    One variable of `credentials` is enough. Messages name those of `usual`, and `setting` for the
    endpoint.
    """

    title: str
    store: str
    endpoint: str
    credentials: tuple[str, ...]
    usual: str
    public: str
    setting: str
    login: str = ""

    @property
    def shown(self) -> str:
        return f"{self.title} at {self.endpoint}" if self.endpoint else self.title

    def check_credentials(self, address: ObjectAddress) -> None:
        """Raises Fatal where the environment holds no credentials."""
        if any(os.environ.get(name) for name in self.credentials):
            return
        if self.login and Path(self.login).expanduser().exists():
            return
        raise Fatal(
            f"the environment holds no credentials for {address.name(address.key)}",
            hint=f"set {self.usual}; for a public bucket {self.public}=true; on a cloud machine"
            " with a role of its own, objects.instance_role",
            kind=Kind.AUTH,
        )


def provider_of(scheme: str, endpoint: str | None) -> Provider:
    """The provider of a scheme. `endpoint` is the setting, which is for S3 only."""
    if scheme == "s3":
        return Provider(
            "S3",
            "S3Store",
            endpoint or _first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
            (
                "AWS_ACCESS_KEY_ID",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_SKIP_SIGNATURE",
            ),
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "AWS_SKIP_SIGNATURE",
            "objects.endpoint or AWS_ENDPOINT_URL, and AWS_REGION",
        )
    if scheme == "gs":
        return Provider(
            "Google Cloud Storage",
            "GCSStore",
            _first("GOOGLE_BASE_URL"),
            (
                "GOOGLE_APPLICATION_CREDENTIALS",
                "GOOGLE_SERVICE_ACCOUNT",
                "GOOGLE_SERVICE_ACCOUNT_PATH",
                "GOOGLE_SERVICE_ACCOUNT_KEY",
                "GOOGLE_BEARER_TOKEN",
                "GOOGLE_SKIP_SIGNATURE",
            ),
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SKIP_SIGNATURE",
            "GOOGLE_BASE_URL",
            _GOOGLE_LOGIN,
        )
    emulated = bool(os.environ.get("AZURE_STORAGE_USE_EMULATOR"))
    return Provider(
        "Azure Blob Storage",
        "AzureStore",
        _first("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT") or (_EMULATOR if emulated else ""),
        (
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_TOKEN",
            "AZURE_STORAGE_CLIENT_SECRET",
            "AZURE_CLIENT_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_IDENTITY_ENDPOINT",
            "AZURE_USE_AZURE_CLI",
            "AZURE_STORAGE_USE_EMULATOR",
            "AZURE_SKIP_SIGNATURE",
        ),
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_SKIP_SIGNATURE",
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT",
    )


def _first(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")
