"""Client of Firecrawl's status API for crawls and batch scrapes.

The key is sent only to the configured server: of the address in `next` only the `skip` is used,
never the host, and redirects are refused. A request that fails for a temporary reason is repeated,
with growing pauses, until `give_up_after`. A self-hosted Firecrawl without v2 of the API answers
404; then v1 is used, whose answers are the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from pulse_cli.errors import AnswerTooLarge, Fatal, Kind, Malformed, Transient, Unavailable
from pulse_cli.events import Waiting
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.blocking import connection
from pulse_cli.net.client import Client, wrong_server
from pulse_cli.net.patience import Patience
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.options import ReadOptions

FIRECRAWL = Peer("Firecrawl", "firecrawl.url", "firecrawl.api_key or FIRECRAWL_API_KEY")
CHECK_S, SHORTEST_S = 10.0, 1.0
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")
_SKIP = re.compile(r"[?&]skip=(\d{1,9})(?:&|\Z)")


class Page(NamedTuple):
    """One answer. `following` is the `skip` of the next one, None at the end."""

    documents: list[Any]
    following: int | None
    status: str
    total: int | None
    size: int


class FailedPages(NamedTuple):
    """Pages that a crawl lacks: `failed` (address and reason) could not be scraped, `blocked` were
    forbidden by robots.txt.
    """

    failed: list[tuple[str, str]]
    blocked: list[str]


class CrawlApi:
    """The API for one crawl. `path`: `crawl/ID` or `batch/scrape/ID`, with the same answers."""

    def __init__(
        self,
        path: str,
        options: ReadOptions,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        address = Address.parse(options.firecrawl_url, FIRECRAWL, options.firecrawl_api_key)
        self._where = address.shown
        self._versions: tuple[str, ...] = ("v2", "v1")
        self._path = path
        self._what = path.replace("/", " ")
        self._sleep = sleep
        self._now = now
        self._give_up_after = options.give_up_after
        self._timeout = options.timeout
        self._patience: Patience | None = None
        self._connect = lambda: Client(
            address,
            timeout=options.timeout,
            trust_env=options.trust_env,
            max_answer=options.max_record,
        )

    def page(self, skip: int, most: int | None = None) -> Page:
        """The documents after the first `skip`, as many as the server gives at once, or `most`.

        Raises Unavailable where the server cannot be reached, Fatal where it refuses.
        """
        query = f"skip={skip}" if most is None else f"skip={skip}&limit={most}"
        return self._patiently(lambda seconds: self._page(query, skip, seconds))

    def failed_pages(self) -> FailedPages:
        """The pages that a finished crawl could not get. Raises as `page`."""
        return self._patiently(self._failed_pages)

    def _patiently(self, ask: Callable[[float], T]) -> T:
        self._patience = patience = Patience(self._give_up_after, self._now)
        while True:
            try:
                found = ask(max(SHORTEST_S, patience.left_s))
            except AnswerTooLarge as error:
                hint = "set source.max_record higher"
                raise Fatal(str(error), hint=hint, kind=Kind.REFUSED) from None
            except Transient as error:
                pause = patience.pause(error)
                if pause is None:
                    raise Unavailable(
                        f"{error} (asked for {patience.waited_s:.0f} s)",
                        hint="run the same command again to go on where it stopped"
                        " (--give-up-after sets how long to wait)",
                    ) from None
                self._sleep(pause)
            else:
                self._patience = None
                return found

    def status(self) -> Page:
        """The status of the crawl, with at most its first document. Raises as `page`."""
        return self.page(0, most=1)

    def check(self) -> None:
        """Send one small request, which tests address and key. Raises Transient, Fatal."""
        try:
            self._page("skip=0&limit=1", 0, CHECK_S)
        except Malformed as error:
            raise wrong_server(error, FIRECRAWL) from None

    def waiting(self) -> Waiting | None:
        """What to tell the user while `page` waits for an answer."""
        patience = self._patience
        if patience is None or not patience.last_error:
            return None
        return Waiting(FIRECRAWL.name, patience.last_error, patience.waited_s, patience.left_s)

    def _failed_pages(self, seconds: float) -> FailedPages:
        """The list of failed pages; empty if this Firecrawl keeps none (404)."""
        with connection(self._connect) as ask:
            path = f"/{self._versions[0]}/{self._path}/errors"
            answer = ask("GET", path, within=min(seconds, self._timeout))
        if answer.status == 404:
            return FailedPages([], [])
        self._check(answer)
        value = answer.json()
        failed = [
            (str(one["url"]), str(one.get("error") or "no reason given"))
            for one in _listed(value, "errors")
            if isinstance(one, dict) and one.get("url")
        ]
        blocked = [one for one in _listed(value, "robotsBlocked") if isinstance(one, str)]
        return FailedPages(failed, blocked)

    def _page(self, query: str, skip: int, seconds: float) -> Page:
        answer = self._answer(query, min(seconds, self._timeout))
        try:
            value = parse(answer.body)
        except Unparsable:
            raise answer.malformed("a list of documents") from None
        if not isinstance(value, dict) or not isinstance(value.get("data"), list):
            raise self._refused(f"answers with no list of documents: {answer.described()}")
        documents = value["data"]
        status, total = value.get("status"), value.get("total")
        return Page(
            documents,
            _following(value.get("next"), skip, len(documents)),
            status if isinstance(status, str) else "",
            total if type(total) is int else None,
            len(answer.body),
        )

    def _answer(self, query: str, seconds: float) -> Answer:
        """The answer of the newest API version that knows the crawl, which is used from then on."""
        for version in self._versions:
            with connection(self._connect) as ask:
                answer = ask("GET", f"/{version}/{self._path}?{query}", within=seconds)
            if answer.status != 404:
                self._check(answer)
                self._versions = (version,)
                return answer
        if not answer.body.lstrip().startswith(b"{"):
            raise wrong_server(answer.malformed(f"the {self._what}"), FIRECRAWL)
        raise self._refused(f"knows no {self._what}", "results are kept for 24 hours after a crawl")

    def _check(self, answer: Answer) -> None:
        status = answer.status
        if status == 200:
            return
        if status in PASSING:
            raise Transient(f"{self._where} answers {status}", retry_after=answer.retry_after)
        if status in (401, 403):
            raise self._refused(f"refuses the key ({status})", f"set {FIRECRAWL.key_setting}")
        if 300 <= status < 400:
            raise self._refused(
                f"answers with {answer.described()}", "set firecrawl.url to where it leads"
            )
        raise self._refused(f"answers {status}: {answer.described()}")

    def _refused(self, what: str, hint: str = "check firecrawl.url") -> Fatal:
        return Fatal(f"{self._where} {what}", hint=hint, kind=Kind.REFUSED)


def _following(address: Any, skip: int, count: int) -> int | None:
    """The next `skip`. None without documents, because an unfinished crawl always names a next."""
    if not isinstance(address, str) or not address or not count:
        return None
    found = _SKIP.search(address)
    return max(int(found[1]), skip + 1) if found else skip + count


def _listed(value: Any, name: str) -> list[Any]:
    """The list under `name`; empty where the answer holds none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
