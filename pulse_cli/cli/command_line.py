"""Command lines that pulse prints for later. They do the same from any folder and any shell.

They are made from the settings, not from what was typed. Paths are absolute, and a setting from the
environment becomes a flag. Secrets are never in them. If a password was part of an address, the
command begins with a variable that the user has to fill in.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pulse_cli.cli.flags import FLAGS, Flag

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

_FLAG_OF = {flag.setting: flag for flags in FLAGS.values() for flag in flags}
_OF_AN_INDEX = ("embed.", "qdrant.", "bm25.")
"""Settings that say which index is meant and how it is asked."""
_WITH_SEARCH_FLAG = ("embed.url", "qdrant.url", "qdrant.collection")


def run_command(
    loaded: Loaded, name: str, arguments: Sequence[str], switches: Sequence[str] = ()
) -> str:
    """`pulse index` or `pulse crawl` (`name`) with these arguments and settings."""
    return _command(loaded, ["pulse", name, *arguments, *switches], setting_flags(loaded))


def search_command(loaded: Loaded) -> str:
    """The command that searches what was indexed, without the query."""
    flags = setting_flags(loaded, _OF_AN_INDEX, _WITH_SEARCH_FLAG)
    return _command(loaded, ["pulse", "search"], flags)


def setting_flags(
    loaded: Loaded, within: tuple[str, ...] = ("",), with_flag: Container[str] = _FLAG_OF
) -> list[str]:
    """Flags for all settings that are not at their default and whose names begin with one of
    `within`. `with_flag` are the settings for which the command has a flag of their own.
    """
    from pulse_cli.config.load import user_config_file

    words: list[str] = []
    if loaded.file is not None and loaded.file != user_config_file(os.environ):
        words += ["--config", str(loaded.file)]
    values = loaded.settings.model_dump(mode="json")
    for name, origin in sorted(loaded.origins.items()):
        wanted = name.startswith(within) and origin.startswith(("-", "$"))
        if wanted and not _is_secret(loaded, name, origin):
            flag = _FLAG_OF.get(name) if name in with_flag else None
            words += _flags(name, flag, _at(values, name))
    return words


def _command(loaded: Loaded, command: list[str], flags: list[str]) -> str:
    variables = [
        f"PULSE_{section.upper()}__BASIC_AUTH=USER:PASSWORD"
        for section in ("embed", "qdrant")
        if _typed_password(loaded, section)
    ]
    return " ".join([*variables, shlex.join([*command, *flags])])


def _flags(name: str, flag: Flag | None, value: Any) -> Iterator[str]:
    """The arguments that set `name` to `value`."""
    if value is None:
        return
    if flag is None or (value is False and not flag.metavar):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield from ("--set", f"{name}={text}")
    elif not flag.metavar:
        yield flag.names[0]
    else:
        for one in value if isinstance(value, list) else [value]:
            yield from (flag.names[0], str(one))


def _is_secret(loaded: Loaded, name: str, origin: str) -> bool:
    """Whether a setting is left out: a secret, or an address in the environment that holds one."""
    from pulse_cli.config.tree import leaves

    section, _, key = name.partition(".")
    if key == "url" and origin.startswith("$"):
        return _password_in_url(loaded, section)
    return any(leaf.name == name and leaf.secret for leaf in leaves())


def _typed_password(loaded: Loaded, section: str) -> bool:
    return _password_in_url(loaded, section) and loaded.origins[f"{section}.url"].startswith("-")


def _password_in_url(loaded: Loaded, section: str) -> bool:
    """Whether `basic_auth` came from the address."""
    given = getattr(getattr(loaded.settings, section), "basic_auth", None)
    return given is not None and f"{section}.basic_auth" not in loaded.origins


def _at(values: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        values = values[part]
    return values
