"""Which addresses the service may listen on with which secrets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pulse_cli.config.serving import MIN_SECRET, Serve

GOOD, SHORT = "s" * MIN_SECRET, "s" * (MIN_SECRET - 1)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", ""])
@pytest.mark.parametrize(
    "secrets",
    [
        {},
        {"api_secret": GOOD},
        {"webhook_secret": GOOD},
        {"api_secret": GOOD, "webhook_secret": SHORT},
        {"api_secret": SHORT, "webhook_secret": GOOD},
    ],
)
def test_who_can_be_reached_needs_two_long_secrets(host: str, secrets: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="at least 32 characters") as refused:
        Serve.model_validate({"host": host, **secrets})
    assert SHORT not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_on_loopback_no_secret_is_needed(host: str) -> None:
    assert Serve(host=host).api_secret is None


def test_with_two_long_secrets_any_address_may_be_had() -> None:
    secrets = {"api_secret": GOOD, "webhook_secret": GOOD}
    assert Serve.model_validate({"host": "0.0.0.0", **secrets}).host == "0.0.0.0"
