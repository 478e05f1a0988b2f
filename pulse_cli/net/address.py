"""The address of a service, split so that no message can show its credentials."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from pulse_cli.errors import Fatal, Kind


@dataclass(frozen=True, slots=True)
class Peer:
    """How messages name a service and its settings, and in which header it takes its key."""

    name: str
    url_setting: str
    key_setting: str
    key_header: str = "authorization"
    key_prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a service. `shown` is for messages: without user, password and query."""

    peer: Peer
    base: str
    query: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @staticmethod
    def parse(url: str, peer: Peer, key: str | None = None) -> Address:
        """User and password become a Basic authorization, unless the key needs that header.

        Raises Fatal for what is not an http(s) URL, and for a key that no header can hold.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            (host or "").encode("idna")
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host or port == 0:
            raise Fatal(
                f"the address of {peer.name} is not an http(s) URL",
                hint=f"write {peer.url_setting} as http://HOST:PORT",
                kind=Kind.USAGE,
            )
        where = f"[{host}]" if ":" in host else host
        where += "" if port is None else f":{port}"
        base = urlunsplit((parts.scheme, where, parts.path.rstrip("/"), "", ""))
        headers, secrets = {}, []
        if parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["authorization"] = f"Basic {credentials}"
            secrets += [credentials, password]
        if key:
            headers[peer.key_header] = peer.key_prefix + _checked(key.strip(), peer)
            secrets.append(key.strip())
        return Address(peer, base, parts.query, headers, tuple(filter(None, secrets)))

    @property
    def shown(self) -> str:
        return f"{self.peer.name} at {self.base}"

    def url(self, path: str) -> str:
        """`path` begins with a slash, may hold a query, and is escaped already."""
        if not self.query:
            return self.base + path
        return f"{self.base}{path}{'&' if '?' in path else '?'}{self.query}"

    def censored(self, text: str) -> str:
        """A server's text without the credentials, in case it repeats them."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def _checked(key: str, peer: Peer) -> str:
    if not (key.isascii() and key.isprintable()):
        raise Fatal(
            f"the key of {peer.name} holds characters that an HTTP header cannot hold",
            hint=f"look for line breaks or quotes in {peer.key_setting}",
            kind=Kind.USAGE,
        )
    return key
