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
from typing import Any, NamedTuple

from pulse_cli.errors import AnswerTooLarge, Fatal, Kind, Transient, Unavailable
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.blocking import connection
from pulse_cli.net.client import Client
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.options import ReadOptions

FIRECRAWL = Peer("Firecrawl", "firecrawl.url", "firecrawl.api_key or FIRECRAWL_API_KEY")
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds between tries, unless the server asks for others."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_SKIP = re.compile(r"[?&]skip=(\d{1,9})(?:&|\Z)")


class Page(NamedTuple):
    """One answer. `following` is how many documents to skip for the next one, None at the end."""

    documents: list[Any]
    following: int | None
    status: str
    total: int | None
    size: int


class CrawlApi:
    """Answers about one crawl."""

    def __init__(
        self, crawl: str, options: ReadOptions, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        address = Address.parse(options.firecrawl_url, FIRECRAWL, options.firecrawl_api_key)
        self._where = address.shown
        self._versions: tuple[str, ...] = ("v2", "v1")
        self._crawl = crawl
        self._sleep = sleep
        self._connect = lambda: Client(
            address,
            timeout=options.timeout,
            trust_env=options.trust_env,
            max_answer=options.max_record,
        )

    def page(self, skip: int) -> Page:
        """The documents behind the first `skip`, as many as the server gives at once.

        Raises Unavailable where the server cannot be reached, Fatal where it refuses.
        """
        for pause in (*PAUSES, None):
            try:
                return self._page(skip)
            except AnswerTooLarge as error:
                raise Fatal(
                    str(error), hint="set source.max_record higher", kind=Kind.REFUSED
                ) from None
            except Transient as error:
                if pause is None:
                    raise Unavailable(
                        str(error),
                        hint="run the same command again to go on where it stopped",
                    ) from None
                self._sleep(pause if error.retry_after is None else error.retry_after)
        raise AssertionError("unreachable")

    def _page(self, skip: int) -> Page:
        answer = self._answer(skip)
        try:
            value = parse(answer.body)
        except Unparsable:
            raise answer.malformed("a list of documents") from None
        if not isinstance(value, dict) or not isinstance(value.get("data"), list):
            raise self._refused("answers with no list of documents")
        documents = value["data"]
        status, total = value.get("status"), value.get("total")
        return Page(
            documents,
            _following(value.get("next"), skip, len(documents)),
            status if isinstance(status, str) else "",
            total if type(total) is int else None,
            len(answer.body),
        )

    def _answer(self, skip: int) -> Answer:
        """Of the newest version that knows the crawl, and from then on of that one."""
        for version in self._versions:
            with connection(self._connect) as ask:
                answer = ask("GET", f"/{version}/crawl/{self._crawl}?skip={skip}")
            if answer.status != 404:
                self._check(answer)
                self._versions = (version,)
                return answer
        raise self._refused(
            f"knows no crawl {self._crawl}", "results are kept for 24 hours after a crawl"
        )

    def _check(self, answer: Answer) -> None:
        status = answer.status
        if status == 200:
            return
        if status in _PASSING:
            raise Transient(f"{self._where} answers {status}", retry_after=answer.retry_after)
        if status in (401, 403):
            raise self._refused(f"refuses the key ({status})", f"set {FIRECRAWL.key_setting}")
        if 300 <= status < 400:
            raise self._refused(f"redirects ({status})", "set firecrawl.url to where it leads")
        raise self._refused(f"answers {status}: {answer.described()}")

    def _refused(self, what: str, hint: str = "check firecrawl.url") -> Fatal:
        return Fatal(f"{self._where} {what}", hint=hint, kind=Kind.REFUSED)


def _following(address: Any, skip: int, count: int) -> int | None:
    """Without documents there is nothing to follow: an unfinished crawl always names a next."""
    if not isinstance(address, str) or not address or not count:
        return None
    found = _SKIP.search(address)
    return max(int(found[1]), skip + 1) if found else skip + count
