"""A simulated Firecrawl: scrape, crawl, crawl status with `next`, and webhooks (v0 to v2).

Beside the API there are three addresses for tests: `PUT /_site` sets the pages there are,
`POST /_clock {"advance": SECONDS}` lets time pass for webhooks, and `POST /_crawl` is a crawl
as it would be started by the API, answered when its events were sent once.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson

from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.firecrawl_site import Document, Site, address_of, shown
from pulse_cli.simulators.firecrawl_webhooks import Hook, Webhooks
from pulse_cli.simulators.http import Request, Response

PAGE_DOCUMENTS = 100
PAGE_BYTES = 10 << 20
DEFAULT_LIMIT = 10
WEBHOOK_SECRET = "w" * 32
_PATH = re.compile(r"/(v[012])/(scrape|crawl|batch/scrape)(?:/status)?(?:/([^/]+))?(/errors)?")


@dataclass(slots=True)
class Crawl:
    """One crawl or batch scrape: the pages that it found so far, and those that failed."""

    id: str
    version: str
    total: int
    is_batch: bool = False
    status: str = "scraping"
    pages: list[Document] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{'batch/scrape' if self.is_batch else 'crawl'}/{self.id}"


class FirecrawlService:
    """See the module docstring. `api_key` None takes any caller."""

    def __init__(self, *, api_key: str | None = None, secret: str = WEBHOOK_SECRET) -> None:
        self.site = Site()
        self.webhooks = Webhooks(secret)
        self.crawls: dict[str, Crawl] = {}
        self.scraped: list[str] = []
        self._api_key = api_key
        self._running: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await self.webhooks.close()

    def spoil(self, fault: Fault, response: Response) -> Response:  # noqa: ARG002 - of the protocol
        raise ValueError(f"a Firecrawl has no fault {fault.kind}")

    def stats(self) -> dict[str, Any]:
        hooks = self.webhooks
        return {
            "crawls": len(self.crawls),
            "scraped": self.scraped,
            "delivered": hooks.delivered,
            "retried": hooks.retried,
            "dropped": hooks.dropped,
            "waiting": hooks.waiting,
        }

    def reset(self) -> None:
        hooks = self.webhooks
        self.scraped = []
        hooks.delivered = hooks.retried = hooks.dropped = 0

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/_"):
            return await self._control(request)
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            return _refused(401, "Unauthorized: Invalid token")
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _refused(404, "Cannot find it")
        version, what, crawl_id, errors = match.groups()
        if request.method == "POST" and crawl_id is None:
            asked = orjson.loads(request.body)
            return self._scrape(version, asked) if what == "scrape" else self._start(version, asked)
        crawl = self.crawls.get(crawl_id or "")
        if request.method != "GET" or crawl is None or crawl.is_batch != (what == "batch/scrape"):
            return _refused(404, "Job not found")
        if errors:
            return _json({"errors": crawl.errors, "robotsBlocked": []})
        return _json(self._status(crawl, version, request))

    def _scrape(self, version: str, asked: dict[str, Any]) -> Response:
        url = str(asked.get("url") or "")
        self.scraped.append(url)
        page = self.site.page(url)
        if "error" in page:
            return _refused(500, str(page["error"]), code="SCRAPE_ALL_ENGINES_FAILED")
        answer: dict[str, Any] = {
            "success": True,
            "data": shown(page, version, asked.get("formats") or ()),
        }
        return _json({**answer, "returnCode": 200} if version == "v0" else answer)

    # --- crawls ------------------------------------------------------------

    def _start(self, version: str, asked: dict[str, Any]) -> Response:
        """Begin a crawl; its events are sent while it runs."""
        crawl, found, hook = self._new(version, asked)
        task = asyncio.get_running_loop().create_task(self._run(crawl, found, hook))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if version == "v0":
            return _json({"jobId": crawl.id})
        return _json({"success": True, "id": crawl.id, "url": f"/{version}/{crawl.path}"})

    def _new(
        self, version: str, asked: dict[str, Any]
    ) -> tuple[Crawl, list[Document], Hook | None]:
        urls = asked.get("urls")
        if urls is None:
            limit = int(asked.get("limit") or DEFAULT_LIMIT)
            found = self.site.below(str(asked.get("url") or ""), limit)
        else:
            found = [self.site.page(str(url)) for url in urls]
        crawl = Crawl(str(uuid.uuid4()), version, len(found), is_batch=urls is not None)
        self.crawls[crawl.id] = crawl
        return crawl, found, Hook.of(asked.get("webhook"))

    async def _run(self, crawl: Crawl, found: list[Document], hook: Hook | None) -> None:
        await self._tell(crawl, hook, "started", [])
        for page in found:
            if "error" in page:
                problem = {"id": str(uuid.uuid4()), "url": address_of(page), "error": page["error"]}
                crawl.errors.append(problem)
                await self._tell(crawl, hook, "page", [], error=str(page["error"]))
            else:
                crawl.pages.append(page)
                one = shown(page, crawl.version, ("markdown",))
                await self._tell(crawl, hook, "page", [one])
        crawl.status = "completed"
        await self._tell(crawl, hook, "completed", [])

    async def _tell(
        self, crawl: Crawl, hook: Hook | None, stage: str, data: list[Document], error: str = ""
    ) -> None:
        if hook is None:
            return
        kind = "batch_scrape" if crawl.is_batch else "crawl"
        name = "jobId" if crawl.version == "v0" else "id"
        event: dict[str, Any] = {"success": not error, "type": f"{kind}.{stage}", name: crawl.id}
        await self.webhooks.send(
            hook, {**event, "data": data, **({"error": error} if error else {})}
        )

    def _status(self, crawl: Crawl, version: str, request: Request) -> dict[str, Any]:
        """A part of the documents, with `next` while there are more, or may be."""
        query = parse_qs(request.query)
        skip = int(query.get("skip", ["0"])[0])
        limit = min(PAGE_DOCUMENTS, int(query.get("limit", [str(PAGE_DOCUMENTS)])[0]))
        documents: list[Document] = []
        size = 0
        for page in crawl.pages[skip : skip + limit]:
            documents.append(shown(page, version, ("markdown",)))
            size += len(orjson.dumps(documents[-1]))
            if size > PAGE_BYTES:
                break
        done = crawl.status == "completed"
        if version == "v0":
            status = "completed" if done else "active"
            counts = {"current": len(crawl.pages), "total": crawl.total}
            return {"status": status, **counts, "data": documents if done else None}
        after = skip + len(documents)
        more = not done or after < len(crawl.pages)
        host = request.headers.get("host", "localhost")
        following = f"http://{host}/{version}/{crawl.path}?skip={after}"
        return {
            "success": True,
            "status": crawl.status,
            "completed": len(crawl.pages) + len(crawl.errors),
            "total": crawl.total,
            "creditsUsed": len(crawl.pages),
            "expiresAt": "2099-01-01T00:00:00.000Z",
            **({"next": following} if more else {}),
            "data": documents,
        }

    # --- for tests ---------------------------------------------------------

    async def _control(self, request: Request) -> Response:
        asked = orjson.loads(request.body or b"{}")
        if request.path == "/_site":
            self.site.set(asked)
        elif request.path == "/_clock":
            await self.webhooks.advance(float(asked["advance"]))
        elif request.path == "/_crawl":
            crawl, found, hook = self._new(asked.get("version", "v2"), asked)
            await self._run(crawl, found, hook)
            return _json({"id": crawl.id})
        else:
            return _refused(404, "unknown")
        return _json({})


def _json(value: Any) -> Response:
    return Response(body=orjson.dumps(value))


def _refused(status: int, error: str, **more: str) -> Response:
    return Response(status, orjson.dumps({"success": False, "error": error, **more}))
