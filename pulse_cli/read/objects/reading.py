"""Reads the stored bytes of an object, and repeats failed requests.

A request that fails for a temporary reason is repeated from the byte where it broke off, with
growing pauses, until nothing has come for `give_up_after` seconds. An object that can be read only
from its beginning is read from there again, and a CRC-32 proves that the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from zlib import crc32

from pulse_cli.errors import Transient, Unavailable
from pulse_cli.events import Waiting
from pulse_cli.model import Input
from pulse_cli.net.patience import Patience
from pulse_cli.read.objects.address import is_web
from pulse_cli.read.objects.bucket import Buckets
from pulse_cli.read.objects.changes import changed
from pulse_cli.read.objects.ranges import Part
from pulse_cli.read.objects.web import WebFiles
from pulse_cli.read.options import ReadOptions


class ObjectReader:
    """Reads objects one after another. `sleep` and `now` are its clock."""

    def __init__(
        self, options: ReadOptions, sleep: Callable[[float], None], now: Callable[[], float]
    ) -> None:
        self._buckets = Buckets(options.objects)
        self._web = WebFiles(options.objects, trust_env=options.trust_env)
        self._give_up_after = options.give_up_after
        self._sleep = sleep
        self._now = now
        self._waiting: tuple[str, Patience] | None = None

    def expect(self, following: Sequence[Part]) -> None:
        """Say what will be read after the next call of `chunks`, in this order."""
        self._buckets.expect([part for part in following if not is_web(part.one.name)])

    def chunks(self, one: Input, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`. Raises SourceChanged, Unavailable, Fatal."""
        at, crc = start, 0
        end = one.size if stop is None else stop
        patience = self._patience()
        while end is None or at < end:
            try:
                for chunk in self._again(Part(one, start, end), at, crc):
                    self._waiting = None
                    at += len(chunk)
                    crc = crc32(chunk, crc)
                    yield chunk
                    patience = self._patience()
                if end is None:
                    return
                if at < end:
                    raise Transient(f"{one.name} broke off after byte {at:,}")
            except Transient as error:
                self._pause(one.name, patience, error)

    def close(self) -> None:
        """Cancel the requests in flight. More can be read afterwards."""
        self._buckets.close()

    def waiting(self) -> Waiting | None:
        """What to tell the user while an object does not come. Can be called from any thread."""
        waiting = self._waiting
        if waiting is None:
            return None
        name, patience = waiting
        return Waiting(name, patience.last_error, patience.waited_s, patience.left_s)

    def _again(self, part: Part, at: int, crc: int) -> Iterator[bytes]:
        """The bytes from `at` on. `crc` is that of the bytes of the part before `at`."""
        one = part.one
        storage = self._web if is_web(one.name) else self._buckets
        if one.etag or at == part.start:
            yield from storage.chunks(part._replace(start=at))
            return
        left, proof = at - part.start, 0
        for chunk in storage.chunks(part):
            known = chunk[:left]
            proof = crc32(known, proof)
            left -= len(known)
            if not left and proof != crc:
                break
            if rest := chunk[len(known) :]:
                yield rest
        if left or proof != crc:
            raise changed(one.name)

    def _patience(self) -> Patience:
        return Patience(self._give_up_after, self._now)

    def _pause(self, name: str, patience: Patience, error: Transient) -> None:
        """Wait before the next try. Raises Unavailable if the time is up."""
        pause = patience.pause(error)
        self._waiting = name, patience
        if pause is None:
            raise Unavailable(
                f"{error} (asked for {patience.waited_s:.0f} s)",
                hint="run the same command again to go on where it stopped"
                " (--give-up-after sets how long to wait)",
            ) from None
        self._sleep(pause)
