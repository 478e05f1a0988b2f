"""The crawl status API of Firecrawl, asked page by page.

The key goes to the configured server and nowhere else: of the address in `next` only its `skip`
is used, never its host, and redirects are refused. A request that fails for a reason that
may pass is sent again, with growing pauses, about a minute in all. A self-hosted Firecrawl too
old for v2 of the API answers 404 and is asked by v1, whose answers are the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pulse_cli.errors import Exit, Fatal
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.options import ReadOptions

if TYPE_CHECKING:
    import httpx

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds between tries, unless the server asks for others (at most LONGEST_PAUSE)."""

LONGEST_PAUSE = 60.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_SKIP = re.compile(r"[?&]skip=(\d{1,9})(?:&|\Z)")


class Page(NamedTuple):
    """One answer. `following` is how many documents to skip for the next one, None at the end."""

    documents: list[Any]
    following: int | None
    status: str
    total: int | None
    size: int


class _Passing(Exception):
    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CrawlApi:
    """Answers about one crawl. Close it."""

    def __init__(
        self, crawl: str, options: ReadOptions, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import httpx

        key = options.firecrawl_api_key
        self._root = options.firecrawl_url.rstrip("/")
        self._versions: tuple[str, ...] = ("v2", "v1")
        self._crawl = crawl
        self._timeout = options.timeout
        self._longest = options.max_record
        self._sleep = sleep
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=options.timeout,
            trust_env=options.trust_env,
            follow_redirects=False,
        )
        self._host = httpx.URL(self._root).host

    def close(self) -> None:
        self._client.close()

    def page(self, skip: int) -> Page:
        """The documents behind the first `skip`, as many as the server gives at once.

        Raises Fatal: exit 75 where the server cannot be reached, 1 where it refuses.
        """
        for pause in (*PAUSES, None):
            try:
                return self._page(skip)
            except _Passing as error:
                if pause is None:
                    raise Fatal(
                        f"Firecrawl at {self._host}: {error}",
                        hint="run the same command again to go on where it stopped",
                        kind="firecrawl-down",
                        exit_code=Exit.UNAVAILABLE,
                    ) from None
                asked = error.retry_after
                self._sleep(pause if asked is None else min(max(asked, 0.0), LONGEST_PAUSE))
        raise AssertionError("unreachable")

    def _page(self, skip: int) -> Page:
        body = self._body(skip)
        try:
            value = parse(body)
        except Unparsable as error:
            raise _Passing(f"its answer is {error}") from None
        if not isinstance(value, dict) or not isinstance(value.get("data"), list):
            raise self._refused("its answer holds no list of documents")
        documents = value["data"]
        status, total = value.get("status"), value.get("total")
        return Page(
            documents,
            _following(value.get("next"), skip, len(documents)),
            status if isinstance(status, str) else "",
            total if type(total) is int else None,
            len(body),
        )

    def _body(self, skip: int) -> bytes:
        """Of the newest version that knows the crawl, and from then on of that one."""
        for version in self._versions:
            body = self._ask(version, skip)
            if body is not None:
                self._versions = (version,)
                return body
        raise self._refused(
            f"it knows no crawl {self._crawl}", "results are kept for 24 hours after a crawl"
        )

    def _ask(self, version: str, skip: int) -> bytes | None:
        """The answer; None for a 404."""
        import httpx

        until = time.monotonic() + self._timeout
        body = bytearray()
        try:
            path = f"{self._root}/{version}/crawl/{self._crawl}"
            with self._client.stream("GET", path, params={"skip": skip}) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > self._longest:
                        raise self._refused(f"its answer is longer than {self._longest:,} bytes")
                    if time.monotonic() > until:
                        raise _Passing(f"no whole answer within {self._timeout:g} s")
        except httpx.TransportError as error:
            raise _Passing(f"cannot be reached ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._refused(f"its answer cannot be read ({type(error).__name__})") from None
        if answer.status_code == 404:
            return None
        self._check(answer, bytes(body[:4096]))
        return bytes(body)

    def _check(self, answer: httpx.Response, body: bytes) -> None:
        status = answer.status_code
        if status == 200:
            return
        if status in _PASSING:
            raise _Passing(f"it answers {status}", _seconds(answer.headers.get("Retry-After")))
        if status in (401, 403):
            raise self._refused(
                f"it refuses the key ({status})", "set firecrawl.api_key or FIRECRAWL_API_KEY"
            )
        if 300 <= status < 400:
            raise self._refused(f"it redirects ({status})", "set firecrawl.url to where it leads")
        raise self._refused(f"it answers {status}: {_message(body)}")

    def _refused(self, what: str, hint: str = "check firecrawl.url") -> Fatal:
        return Fatal(f"Firecrawl at {self._host}: {what}", hint=hint, kind="firecrawl-refused")


def _following(address: Any, skip: int, count: int) -> int | None:
    """Without documents there is nothing to follow: an unfinished crawl always names a next."""
    if not isinstance(address, str) or not address or not count:
        return None
    found = _SKIP.search(address)
    return max(int(found[1]), skip + 1) if found else skip + count


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None


def _message(body: bytes) -> str:
    try:
        value = parse(body)
    except Unparsable:
        return "without a message"
    message = value.get("error") if isinstance(value, dict) else None
    return message[:200] if isinstance(message, str) else "without a message"
