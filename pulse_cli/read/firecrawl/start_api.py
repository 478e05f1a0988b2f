"""Starts a crawl at Firecrawl, and never the same crawl twice.

The request that starts a crawl cannot be repeated safely: without an answer it is not known whether
the crawl runs. So before it is repeated, Firecrawl is asked for the running crawls, and one with
the same address and options is taken for it. Each request has a connection of its own, because the
client repeats a request that fails on a reused connection.

A self-hosted Firecrawl without v2 of the API answers 404; then v1 is used.
Source: Firecrawl's API reference, `POST /v2/crawl` and `GET /v2/crawl/active`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pulse_cli.errors import Fatal, Kind, Malformed, Transient
from pulse_cli.net.address import Address
from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client, wrong_server
from pulse_cli.read.firecrawl.crawl_api import FIRECRAWL, PASSING
from pulse_cli.read.options import ReadOptions

VERSIONS = ("v2", "v1")
_COMPARED = ("limit", "includePaths", "excludePaths", "maxDiscoveryDepth")
_HINTS = {
    401: f"set {FIRECRAWL.key_setting}",
    402: "the account has no credits left for it: lower --limit",
    403: f"set {FIRECRAWL.key_setting}",
}


class StartApi:
    """The API that starts crawls. Its methods raise Transient, Fatal."""

    def __init__(self, options: ReadOptions) -> None:
        address = Address.parse(options.firecrawl_url, FIRECRAWL, options.firecrawl_api_key)
        self._where = address.shown
        self._address = address
        self._options = options
        self._may_run = False

    async def start(self, request: Mapping[str, Any], *, may_run: bool = False) -> str:
        """Start a crawl. Returns its id. `may_run`: an earlier request may have started it."""
        if may_run or self._may_run:
            running = await self._running(request)
            if running is not None:
                return running
        self._may_run = True
        answer = await self._ask("POST", "/crawl", orjson.dumps(request))
        crawl = self._object(answer).get("id")
        if not isinstance(crawl, str) or not crawl:
            raise self._refused(f"started no crawl: {answer.described()}")
        return crawl

    async def keeps(self, crawl: str) -> bool:
        """Whether Firecrawl still keeps this crawl, which it does for 24 hours after its end."""
        answer = await self._ask("GET", f"/crawl/{crawl}?skip=0&limit=1", missing=True)
        return answer.status != 404

    async def _running(self, request: Mapping[str, Any]) -> str | None:
        """The id of a running crawl with the same address and options."""
        answer = await self._ask("GET", "/crawl/active", missing=True)
        if answer.status == 404:
            return None
        for crawl in self._object(answer).get("crawls") or ():
            if isinstance(crawl, dict) and _is_same(crawl, request):
                return str(crawl["id"])
        return None

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, *, missing: bool = False
    ) -> Answer:
        """The answer of the newest version of the API. `missing`: 404 is an answer, too."""
        for version in VERSIONS:
            timeout, trust_env = self._options.timeout, self._options.trust_env
            client = Client(self._address, timeout=timeout, trust_env=trust_env)
            try:
                answer = await client.ask(method, f"/{version}{path}", body)
            finally:
                await client.close()
            if answer.status != 404:
                break
        if answer.status in PASSING:
            text = f"{self._where} answers {answer.status}"
            raise Transient(text, retry_after=answer.retry_after)
        if answer.status == 404 and missing and answer.body.lstrip().startswith(b"{"):
            return answer
        if answer.status == 404:
            raise wrong_server(answer.malformed("a crawl that was started"), FIRECRAWL)
        if answer.status != 200:
            hint = _HINTS.get(answer.status, "check the options of the crawl")
            raise self._refused(f"answers {answer.status}: {answer.described()}", hint)
        return answer

    def _object(self, answer: Answer) -> dict[str, Any]:
        try:
            value = answer.json()
        except Malformed as error:
            raise wrong_server(error, FIRECRAWL) from None
        if not isinstance(value, dict):
            raise self._refused(f"answers with no object: {answer.described()}")
        return value

    def _refused(self, what: str, hint: str = "check firecrawl.url") -> Fatal:
        return Fatal(f"{self._where} {what}", hint=hint, kind=Kind.REFUSED)


def _is_same(crawl: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """Whether a running crawl has this address, and these options as far as it reports them."""
    stated = crawl.get("options")
    options: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    return crawl.get("url") == request["url"] and all(
        options[name] == request.get(name, options[name]) for name in _COMPARED if name in options
    )
