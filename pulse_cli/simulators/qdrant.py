"""A simulated Qdrant server: its REST surface, statuses and error texts, over real TCP.

With a folder, points live in the engine Qdrant is built on: searches mean something and
everything answered survives `kill -9` of the simulator. Without one it keeps payloads only,
for benchmarks. Faithful to qdrant 1.19 in what a client of it can see; simplified: writes
are applied at once (`wait=false` included), one shard, no optimizer at work.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from pulse_cli.simulators.device import SlotsDevice
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import PLAIN, Request, Response
from pulse_cli.simulators.profiles import QdrantModel, Slots
from pulse_cli.simulators.qdrant_aliases import Aliases, telemetry
from pulse_cli.simulators.qdrant_bodies import MAX_BODY_BYTES, Refused, read_json
from pulse_cli.simulators.qdrant_collection import Collection, folder_of, stored_in
from pulse_cli.simulators.qdrant_requests import PLANS, one_point, path_id
from pulse_cli.simulators.qdrant_thin import thin

VERSION = "1.19.0"
_PUBLIC = {
    "/healthz": "healthz check passed",
    "/livez": "livez check passed",
    "/readyz": "all shards are ready",
}
_COLLECTION = re.compile(r"/collections/([^/]+)(?:/(.*))?")
_WRITES = frozenset(
    {"upsert", "delete", "payload", "create", "drop", "change", "index", "vector", "alias"}
)

Body = dict[str, Any]


class QdrantService:
    """Make it inside a running event loop. `stats` counts what it did since `reset`."""

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        model: QdrantModel | None = None,
        version: str = VERSION,
        api_key: str | None = None,
    ) -> None:
        """`folder` is where the collections are and stay; None keeps payloads in memory."""
        self.version = version
        self._minor = int(version.split(".")[1])
        self._folder = None if folder is None else Path(folder)
        self._api_key = api_key
        costs = model or QdrantModel(slots=1024)
        self._writes = SlotsDevice(Slots(costs.slots, costs.upsert_s))
        self._reads = SlotsDevice(Slots(costs.slots, costs.read_s))
        self._collections: dict[str, Collection] = {}
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._collections = stored_in(self._folder)
        self._aliases = Aliases(self._folder)
        self.reset()

    def reset(self) -> None:
        self._requests: dict[str, int] = {}
        self._points = self._bytes = self._errors = 0
        self._started = time.monotonic()
        for device in (self._writes, self._reads):
            device.reset()

    def stats(self) -> dict[str, Any]:
        """`points` upserted in `bytes` of bodies; `busy` is the writers' share of all places."""
        seconds = time.monotonic() - self._started
        busy_s = self._writes.busy_s()
        return {
            "seconds": seconds,
            "requests": sum(self._requests.values()),
            "requests_by_kind": dict(self._requests),
            "points": self._points,
            "bytes": self._bytes,
            "errors": self._errors,
            "stored": {name: c.points.count() for name, c in self._collections.items()},
            "places": self._writes.places,
            "busy_s": busy_s,
            "read_busy_s": self._reads.busy_s(),
            "busy": busy_s / (seconds * self._writes.places) if seconds else 0.0,
        }

    def spoil(self, fault: Fault, response: Response) -> Response:
        raise ValueError(f"a Qdrant server has no fault {fault.kind!r}: {response.status}")

    def close(self) -> None:
        for collection in self._collections.values():
            collection.close()

    # --- requests ---

    async def handle(self, request: Request) -> Response:
        if (text := _PUBLIC.get(request.path)) is not None:
            return Response(200, text.encode(), PLAIN)
        if request.path == "/":
            about = {"title": "qdrant - vector search engine", "version": self.version}
            return Response(body=orjson.dumps(about))
        if not self._allowed(request):
            return Response(401, b"Must provide an API key or an Authorization bearer token", PLAIN)
        started = time.monotonic()
        try:
            kind, work = self._route(request)
            self._requests[kind] = self._requests.get(kind, 0) + 1
            device = self._writes if kind in _WRITES else self._reads
            await device.run([1], request.factor)
            found = work()
        except Refused as error:
            self._errors += 1
            refusal = {"status": {"error": str(error)}, "time": time.monotonic() - started}
            headers = {"content-type": "application/json", **error.headers}
            return Response(error.status, orjson.dumps(refusal), headers)
        answer = {"result": found, "status": "ok", "time": time.monotonic() - started}
        return Response(body=orjson.dumps(answer))

    def _allowed(self, request: Request) -> bool:
        bearer = f"Bearer {self._api_key}"
        return self._api_key is None or (
            request.headers.get("api-key") == self._api_key
            or request.headers.get("authorization") == bearer
        )

    def _route(self, request: Request) -> tuple[str, Callable[[], Any]]:
        """What is asked, and the work that answers it. The body is checked already."""
        if request.path == "/collections" and request.method == "GET":
            return "list", lambda: {"collections": [{"name": n} for n in self._collections]}
        if (request.method, request.path) == ("GET", "/aliases"):
            return "list", lambda: {"aliases": self._aliases.listed()}
        if (request.method, request.path) == ("GET", "/telemetry"):
            return "list", lambda: telemetry(self._collections)
        if (request.method, request.path) == ("POST", "/collections/aliases"):
            body = self._body(request)
            return "alias", lambda: self._aliases.change(body, self._collections)
        match = _COLLECTION.fullmatch(request.path)
        if match is None:
            raise Refused(404, "")
        name, rest = unquote(match[1]), match[2] or ""
        if rest == "exists":
            return "info", lambda: {"exists": name in self._collections}
        if not rest:
            return self._route_collection(request, name)
        collection = self._collection(name)
        return self._route_points(request, collection, rest)

    def _collection(self, name: str) -> Collection:
        name = self._aliases.meant(name)
        if name not in self._collections:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return self._collections[name]

    def _body(self, request: Request) -> Body:
        return read_json(request.body, request.headers.get("content-type", ""))

    # --- collections ---

    def _route_collection(self, request: Request, name: str) -> tuple[str, Callable[[], Any]]:
        if request.method == "GET":
            return "info", self._collection(name).info
        if request.method == "DELETE":
            return "drop", lambda: self._drop(name)
        if request.method == "PUT":
            body = self._body(request)
            return "create", lambda: self._create(name, body)
        if request.method == "PATCH":
            body, collection = self._body(request), self._collection(name)
            return "change", lambda: collection.change(body)
        raise Refused(405, "")

    def _create(self, name: str, body: Body) -> bool:
        if name in self._collections or name in self._aliases:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        folder = None if self._folder is None else folder_of(self._folder, name)
        self._collections[name] = Collection(name, body, folder)
        return True

    def _drop(self, name: str) -> bool:
        collection = self._collections.pop(name, None)
        if collection is not None:
            collection.drop()
            self._aliases.forget(name)
        return collection is not None

    # --- points ---

    def _route_points(
        self, request: Request, collection: Collection, rest: str
    ) -> tuple[str, Callable[[], Any]]:
        if request.method == "GET" and rest.startswith("points/"):
            point_id = path_id(rest.removeprefix("points/"))
            return "retrieve", lambda: one_point(collection, point_id)
        upsert = (request.method, rest) == ("PUT", "points")
        thinned = upsert and not collection.keeps_vectors and len(request.body) <= MAX_BODY_BYTES
        body = self._body(replace(request, body=thin(request.body)) if thinned else request)
        if request.method == "PUT" and rest.startswith("vectors/") and self._minor >= 18:
            vector = unquote(rest.removeprefix("vectors/"))
            return "vector", self._write(request, lambda: collection.add_vector(vector, body))
        if (request.method, rest) not in PLANS:
            raise Refused(404, "")
        kind, plan = PLANS[request.method, rest]
        work = plan(collection, body, self._minor)
        collection.check_strict(kind, body)
        if kind not in _WRITES:
            return kind, work
        if kind == "upsert":
            self._points += len(body["points"])
            self._bytes += len(request.body)
        return kind, self._write(request, work)

    def _write(self, request: Request, work: Callable[[], Any]) -> Callable[[], Any]:
        """With the answer of a write, `completed` only to who waited for it."""
        waited = parse_qs(request.query).get("wait") == ["true"]

        def done() -> Body:
            work()
            return {"operation_id": 0, "status": "completed" if waited else "acknowledged"}

        return done
