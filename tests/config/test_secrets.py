"""A secret never leaves the settings: not by repr, dumps, messages or `config show`."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest

from pulse_cli.config import describe, load
from pulse_cli.errors import Fatal

CANARY = "c4n4ry-s3cret"

HOLDERS = {
    "api_key in the file": ("embed: {api_key: %s}\n", {}),
    "qdrant key in the file": ("qdrant: {api_key: %s}\n", {}),
    "firecrawl key in the file": ("firecrawl: {api_key: %s}\n", {}),
    "api_key in a variable": ("", {"PULSE_EMBED__API_KEY": CANARY}),
    "the service's key": ("", {"WEBHOOK_TEI_API_KEY": CANARY}),
    "firecrawl's own variable": ("", {"FIRECRAWL_API_KEY": CANARY}),
    "password in an address": ("embed: {url: 'http://ana:%s@host:80'}\n", {}),
    "password in the store's": ("", {"PULSE_QDRANT__URL": f"https://ana:{CANARY}@host"}),
    "basic_auth": ("qdrant: {basic_auth: 'ana:%s'}\n", {}),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_secret_that_is_taken_is_not_shown(tmp_path: Path, holder: str) -> None:
    yaml, variables = HOLDERS[holder]
    (tmp_path / "pulse.yaml").write_text(yaml.replace("%s", CANARY))
    loaded = load(None, None, variables, tmp_path)
    shown = [
        repr(loaded),
        str(loaded.settings),
        str(loaded.settings.model_dump()),
        loaded.settings.model_dump_json(),
        json.dumps(describe.as_object(loaded)),
        str(list(describe.effective(loaded))),
    ]
    assert not [text for text in shown if CANARY in text]
    held = [
        value.get_secret_value()
        for section in (loaded.settings.embed, loaded.settings.qdrant, loaded.settings.firecrawl)
        for name in ("api_key", "basic_auth")
        if (value := getattr(section, name, None)) is not None
    ]
    assert held in ([CANARY], [f"ana:{CANARY}"])
    assert "**********" in str(list(describe.effective(loaded)))


MISTAKES = {
    "a list for a key": ("embed: {api_key: [%s]}\n", {}),
    "a mapping for a key": ("embed: {api_key: {a: %s}}\n", {}),
    "a section made of text": ("embed: %s\n", {}),
    "a misspelt key": ("embed: {api_kye: %s}\n", {}),
    "a key in the wrong place": ("api_key: %s\n", {}),
    "a secret where a number is due": ("embed: {timeout: %s}\n", {}),
    "an address that is none": ("embed: {url: 'http://ana:%s/x@host'}\n", {}),
    "an address of another kind": ("qdrant: {url: 'grpc://ana:%s@host'}\n", {}),
    "a user twice": ("embed: {url: 'http://a:%s@h', basic_auth: 'a:%s'}\n", {}),
    "a user and a key": ("embed: {url: 'http://a:%s@h', api_key: '%s'}\n", {}),
    "basic_auth without a colon": ("qdrant: {basic_auth: %s}\n", {}),
    "an address with a user for firecrawl": ("firecrawl: {url: 'https://a:%s@host'}\n", {}),
    "a value that looks like an alias": ("embed:\n  api_key: *%s\n", {}),
    "a value that looks like a tag": ("embed:\n  api_key: !%s x\n", {}),
    "a value that looks like a tag handle": ("embed:\n  api_key: !%s!x y\n", {}),
    "an open quote": ("embed:\n  api_key: \"%s\n", {}),
    "a bad escape": ("embed:\n  api_key: \"\\q%s\"\n", {}),
    "a colon within": ("embed:\n  api_key: %s: x\n", {}),
    "a duplicate": ("embed:\n  api_key: %s\n  api_key: %s\n", {}),
    "a tab": ("embed:\n\tapi_key: %s\n", {}),
    "a mistake elsewhere": ("embed: {api_key: %s}\nsearch: {limit: x}\n", {}),
    "a variable of the wrong kind": ("", {"PULSE_SEARCH__LIMIT": CANARY}),
    "a misspelt variable": ("", {"PULSE_EMBED__API_KYE": CANARY}),
    "an address in a variable": ("", {"PULSE_EMBED__URL": f"ana:{CANARY}@host"}),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_message_about_a_mistake_does_not_hold_the_secret(tmp_path: Path, mistake: str) -> None:
    yaml, variables = MISTAKES[mistake]
    (tmp_path / "pulse.yaml").write_text(yaml.replace("%s", CANARY))
    with pytest.raises(Fatal, match=r"pulse\.yaml|\$PULSE_") as caught:
        load(None, None, variables, tmp_path)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_user_info_is_taken_out_of_the_address_and_decoded(tmp_path: Path) -> None:
    loaded = load(None, None, {"PULSE_EMBED__URL": "https://ana:p%40ss@host:8443/tei/"}, tmp_path)
    embed = loaded.settings.embed
    assert embed.url == "https://host:8443/tei"
    assert embed.basic_auth is not None
    assert embed.basic_auth.get_secret_value() == "ana:p@ss"
