"""Client of Firecrawl's scrape API, which scrapes one address.

Only the configured server is contacted: the address to scrape is part of the request's body, and
redirects are refused, as by every client of pulse. A self-hosted Firecrawl without v2 of the API
answers 404; then v1 is used.
Source: Firecrawl's API reference, `POST /v2/scrape`.
"""

from __future__ import annotations

from typing import Any

import orjson

from pulse_cli.errors import Fatal, Kind, Transient
from pulse_cli.net.address import Address
from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client
from pulse_cli.net.patience import Patience
from pulse_cli.ports import Clock
from pulse_cli.read.firecrawl.crawl_api import FIRECRAWL, PASSING
from pulse_cli.read.options import ReadOptions

TIMEOUT_S = 120.0
MARGIN_S = 10.0
VERSIONS = ("v2", "v1")


class ScrapeApi:
    """Make it inside a running event loop, and close it."""

    def __init__(self, options: ReadOptions, clock: Clock) -> None:
        self._clock = clock
        self._give_up_after = options.give_up_after
        address = Address.parse(options.firecrawl_url, FIRECRAWL, options.firecrawl_api_key)
        self._client = Client(
            address,
            timeout=TIMEOUT_S + MARGIN_S,
            trust_env=options.trust_env,
            max_answer=options.max_record,
        )

    async def close(self) -> None:
        await self._client.close()

    async def scrape(self, url: str) -> dict[str, Any]:
        """The page at `url` as a document of Firecrawl. Repeats the request while Firecrawl fails.

        Raises Transient where it still fails after `give_up_after` seconds, Fatal where it says
        that it cannot scrape this page.
        """
        patience = Patience(self._give_up_after, self._clock.monotonic)
        while True:
            try:
                return await self._scrape(url)
            except Transient as error:
                pause = patience.pause(error)
                if pause is None:
                    raise
                await self._clock.sleep(pause)

    async def _scrape(self, url: str) -> dict[str, Any]:
        body = orjson.dumps(
            {
                "url": url,
                "formats": ["markdown", "html"],
                "onlyMainContent": True,
                "timeout": int(1000 * TIMEOUT_S),
            }
        )
        for version in VERSIONS:
            answer = await self._client.post(f"/{version}/scrape", body)
            if answer.status != 404:
                break
        return _document(answer)


def _document(answer: Answer) -> dict[str, Any]:
    if answer.status == 429 or (answer.status in PASSING and answer.status not in (408, 500)):
        raise Transient(f"Firecrawl answers {answer.status}", retry_after=answer.retry_after)
    value = answer.json() if answer.body.lstrip().startswith(b"{") else {}
    if answer.status != 200 or not isinstance(value.get("data"), dict):
        said = value.get("error") or answer.described()
        raise Fatal(f"Firecrawl answers {answer.status}: {said}", kind=Kind.REFUSED)
    found: dict[str, Any] = value["data"]
    return found
