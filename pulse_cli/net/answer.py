"""One answer of a service: its status, its JSON, its text, and how long it asks to wait.

Nothing in an answer is trusted. A body that is not the expected JSON is described so that a person
recognises it (a web page by its title). A `Retry-After` of more than a minute counts as a minute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from pulse_cli.errors import Malformed
from pulse_cli.net.address import Address

MAX_RETRY_AFTER = 60.0
_SHOWN = 300
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are looked up without regard to case; `sender` is the address that answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sender: Address

    def json(self) -> Any:
        """The value in the body, with Unicode only and integers of 64 bits. Raises Malformed."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        try:  # accepts NaN, Infinity and 1e400, which a text may cause without fault of the server
            value = json.loads(self.body, parse_int=_integer)
            json.dumps(value, ensure_ascii=False).encode()  # it also accepts lone surrogates
            return value
        except (ValueError, RecursionError):
            raise self.malformed("JSON") from None

    def malformed(self, expected: str) -> Malformed:
        """The error for a successful answer with an unexpected body."""
        status = "" if self.status == 200 else f" (status {self.status})"
        found = f"{self.described()}{status}"
        return Malformed(f"{self.sender.shown} answered with {found}, not {expected}")

    def described(self) -> str:
        """A short description of the answer, for one line of a message."""
        if 300 <= self.status < 400:
            return f"a redirect to {self._target()}, which is not followed"
        if not self.body.strip():
            return "nothing"
        start = self.body[:4000].lstrip()
        if start[:1] == b"<":
            title = _TITLE.search(start)
            named = f" ({_printable(title[1])})" if title else ""
            return self.sender.censored(f"a web page{named}")
        return f"`{self.said()[: _SHOWN - 2]}`"

    def _target(self) -> str:
        """Where a redirect leads, without user, password and query."""
        try:
            to = urlsplit(self.headers.get("location", ""))
            target = f"{to.scheme}://{to.hostname}{to.path}" if to.hostname else to.path
        except ValueError:
            target = ""
        return self.sender.censored(target)[:_SHOWN] or "another address"

    def said(self) -> str:
        """The beginning of the body, printable, without the credentials."""
        return self.sender.censored(_printable(self.body[:2000]))[:_SHOWN]

    @property
    def retry_after(self) -> float | None:
        """Seconds that `Retry-After` asks to wait, 0 to 60; None where it says nothing.

        It holds seconds or a date (RFC 9110, 10.2.3).
        """
        value = self.headers.get("retry-after", "")
        try:
            seconds = float(value)
        except ValueError:
            try:
                until = parsedate_to_datetime(value)
                aware = until if until.tzinfo else until.replace(tzinfo=UTC)
                seconds = (aware - datetime.now(UTC)).total_seconds()
            except (ValueError, OverflowError):
                return None
        if seconds != seconds:  # NaN
            return None
        return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _integer(digits: str) -> int | float:
    """As orjson reads integers: those beyond 64 bits are floats."""
    return int(digits) if len(digits) < 19 else float(digits)


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
