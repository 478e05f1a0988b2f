"""Requests for ranges of objects, which go on while the thread that sent them does other work.

Every range is requested with the ETag of the listing (`If-Match`), and the answer is compared with
it, so bytes of two versions of an object are never mixed. obstore works in threads of its own, so a
request goes on while no event loop runs here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from pulse_cli.model import Input
from pulse_cli.read.objects.changes import changed

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions, GetResult
    from obstore.store import ObjectStore

    Request: TypeAlias = asyncio.Future[GetResult]


class Part(NamedTuple):
    """Bytes `start` up to `stop` of an object, or all from `start` on."""

    one: Input
    start: int = 0
    stop: int | None = None

    @property
    def end(self) -> int:
        return (self.one.size or 0) if self.stop is None else self.stop


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` up to `stop` of an object, which is `key` in its store."""

    one: Input
    start: int
    stop: int
    store: ObjectStore = field(compare=False)
    key: str = field(compare=False)

    @property
    def length(self) -> int:
        return self.stop - self.start


class Requests:
    """Requests that were sent and not received yet, all in one thread. Reusable after `close`."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._sent: dict[Range, Request] = {}

    def receive(self, wanted: Range, meanwhile: Iterable[Range]) -> Bytes:
        """The bytes of a range. Before waiting for them, the ranges of `meanwhile` are requested.

        Raises SourceChanged, and what obstore raises.
        """
        early = self._sent.pop(wanted, None)
        request = early or self._asked(wanted)
        for other in meanwhile:
            if other not in self._sent:
                self._sent[other] = self._asked(other)
        if early is not None:
            from obstore.exceptions import BaseError

            # The server may have closed the connection before its turn came.
            with suppress(BaseError):
                return self._received(wanted, early)
            request = self._asked(wanted)
        return self._received(wanted, request)

    def keep(self, wanted: Collection[Range]) -> None:
        """Cancel the requests for all other ranges."""
        for other in self._sent.keys() - set(wanted):
            self._sent.pop(other).cancel()

    def close(self) -> None:
        self.keep(())
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _asked(self, wanted: Range) -> Request:
        """The request for a range; it is sent before this returns."""
        import obstore

        options: GetOptions = {
            "range": (wanted.start, wanted.stop),
            "if_match": wanted.one.etag,
        }

        async def send() -> Request:
            return cast("Request", obstore.get_async(wanted.store, wanted.key, options=options))

        return self._running().run(send())

    def _received(self, wanted: Range, request: Request) -> Bytes:
        async def receive() -> GetResult:
            return await request

        result = self._running().run(receive())
        etag, size = result.meta["e_tag"] or "", result.meta["size"]
        if (etag, size, result.range[0]) != (wanted.one.etag, wanted.one.size, wanted.start):
            raise changed(wanted.one.name)
        return result.bytes()

    def _running(self) -> asyncio.Runner:
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        return self._runner
