"""Removes user and password from addresses.

`http://user:password@host` is split when settings are read, so no message, log line, checkpoint
or summary that names the address can hold the password.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import unquote

_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#]*)@")
_HOST_PORT = re.compile(r"([\w.-]+:\d{2,5}|localhost)(/.*)?", re.ASCII)


def split_user_info(url: str) -> tuple[str, str | None]:
    """The URL without `user:password@`, and that part decoded (None where there is none)."""
    match = _USER_INFO.match(url)
    if match is None:
        return url, None
    return match["scheme"] + url[match.end() :], unquote(match["user"])


def check_http(url: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """The URL without trailing slashes. Raises ValueError, which never quotes the URL."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in schemes:
        raise ValueError("expected " + " or ".join(f"{scheme}://host[:port]" for scheme in schemes))
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not host or host.startswith(":") or re.search(r"\s|[^!-~]", rest):
        raise ValueError("the address has no host name, or a blank in it")
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:\d{1,5})?", host):
        raise ValueError("the port of the address is not a number")
    return url.rstrip("/")


def command_words(text: str) -> list[str]:
    """The words of a command, quoted as in a shell; none where a quote is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def looks_like_host(text: str) -> bool:
    """Whether `text` is a host and port without the `http://`."""
    return bool(_HOST_PORT.fullmatch(text))
