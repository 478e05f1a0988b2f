"""Requests to a Qdrant server: the paths of one collection, and the meaning of answers.

All requests of this package can be repeated. They are sent by `net.client`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from pulse_cli.errors import Malformed, Transient
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client
from pulse_cli.store.qdrant.answers import WrongForm, write_status
from pulse_cli.store.qdrant.statuses import Reply, error_of

T = TypeVar("T")

QDRANT = Peer("Qdrant", "qdrant.url (--qdrant)", "qdrant.api_key", "api-key", "")
CONNECT_S = 10.0


class Rest:
    """A server and one collection on it."""

    def __init__(
        self,
        url: str,
        collection: str,
        *,
        api_key: str | None,
        timeout: float,
        trust_env: bool,
    ) -> None:
        """Make it inside a running event loop."""
        address = Address.parse(url, QDRANT, api_key)
        self.client = Client(
            address, timeout=timeout, connect_timeout=CONNECT_S, trust_env=trust_env
        )
        self.server = address.base
        self.collection = collection
        self._path = f"/collections/{quote(collection, safe='')}"

    async def ask(
        self, method: str, path: str, body: bytes | None = None, *, within: float | None = None
    ) -> Reply:
        """The reply, whatever its status. `path` is below the collection unless it begins with "/".

        Raises Transient where there is no reply, Fatal.
        """
        target = path if path.startswith("/") else f"{self._path}/{path}".rstrip("/")
        return _read(await self.client.ask(method, target, body, within=within))

    async def call(
        self, method: str, path: str, body: Any = None, *, read: Callable[[Any], T]
    ) -> T:
        """What `read` (of `answers`) makes of the `result` of a successful reply.

        Raises Malformed where it holds something else, and what `error_of` makes of any other
        reply.
        """
        data = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        return self.result(await self.ask(method, path, data), f"{method} {path}", read)

    async def update(self, method: str, path: str, body: Any) -> None:
        """A write, awaited until the server has logged and applied it."""
        self.completed(await self.call(method, f"{path}?wait=true", body, read=write_status))

    def result(self, reply: Reply, what: str, read: Callable[[Any], T]) -> T:
        """As `call`, of a reply that is there. `what` names the request."""
        if reply.error:
            raise error_of(reply, what, self.server, self.collection)
        try:
            return read(reply.result)
        except WrongForm as wrong:
            where = self.client.address.shown
            raise Malformed(f"{where} answered {what} without {wrong}") from None

    def completed(self, status: str) -> None:
        """Raises Transient unless the write is `completed`: it may be repeated."""
        if status != "completed":
            text = f"{self.client.address.shown} has not completed a write yet ({status})"
            raise Transient(text, timeout=status == "wait_timeout")

    async def close(self) -> None:
        await self.client.close()


def _read(answer: Answer) -> Reply:
    """Raises Malformed for a successful answer that does not have the form of Qdrant's."""
    try:
        found = answer.json()
    except Malformed:
        if answer.status == 200:
            raise answer.malformed("an answer of Qdrant") from None
        found = None
    state = found.get("status") if isinstance(found, dict) else None
    if answer.status == 200 and state == "ok":
        return Reply(200, found.get("result"))
    if answer.status == 200 and isinstance(found, dict) and "version" in found:  # GET /
        return Reply(200, found)
    error = state.get("error") if isinstance(state, dict) else None
    if error is None and answer.status == 200:
        raise answer.malformed("an answer of Qdrant")
    shown = answer.sender.censored(str(error)) if error else answer.described()
    return Reply(answer.status, None, shown, answer.retry_after)
