"""Objects in a bucket, through obstore: listed, and read in ranges.

Guarantees: every range is asked for by the ETag of the listing (`If-Match`), and what comes is
compared with it, so bytes of two versions never meet; the next range is under way while this one
is parsed; memory holds two ranges; a request ends within its timeout, counted from the moment it is
sent, and is not repeated here (`reading` does that). The metadata service of the machine is asked
for credentials only where that was allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pulse_cli.errors import Fatal, Kind, PulseError
from pulse_cli.model import Input
from pulse_cli.read.bytes.unpack import CHUNK
from pulse_cli.read.objects.address import ObjectAddress, bucket_address
from pulse_cli.read.objects.bucket_errors import no_storage, translated
from pulse_cli.read.objects.changes import changed, gone
from pulse_cli.read.objects.provider import Provider, provider_of
from pulse_cli.read.options import ObjectOptions

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions, GetResult, ObjectMeta
    from obstore.store import ObjectStore

    Asked: TypeAlias = asyncio.Future[GetResult]

RANGE = 4 * 1024 * 1024
CONNECT_S = 5.0
_LISTED_AT_ONCE = 1000


class Buckets:
    """Objects in the buckets that are named; connections are made when they are needed."""

    def __init__(self, options: ObjectOptions) -> None:
        self._options = options
        self._stores: dict[tuple[str, str], ObjectStore] = {}

    def head(self, name: str) -> Input | None:
        """The object of this name, None if there is none. Raises Transient, Fatal."""
        address = bucket_address(name)
        store = self._store(address)
        import obstore

        try:
            return self._input(address, obstore.head(store, address.key))
        except FileNotFoundError:
            return None
        except PulseError:
            raise
        except Exception as error:
            raise self._translated(error, address) from None

    def below(self, name: str) -> Iterator[Input]:
        """The objects whose keys lie below this one, as below a folder. Raises Transient, Fatal."""
        address = bucket_address(name)
        store = self._store(address)
        import obstore

        try:
            prefix = address.key.rstrip("/") or None
            for listed in obstore.list(store, prefix, chunk_size=_LISTED_AT_ONCE):
                yield from (self._input(address, meta) for meta in listed if not _is_folder(meta))
        except PulseError:
            raise
        except Exception as error:
            raise self._translated(error, address) from None

    def chunks(self, one: Input, start: int) -> Iterator[bytes]:
        """The bytes of an object from `start` on, at most CHUNK at a time.

        Raises SourceChanged where it is another one now, Transient, Fatal.
        """
        address = bucket_address(one.name)
        ranges = _Ranges(self._store(address), address.key, one, start)
        try:
            for data in ranges:
                with memoryview(data) as view:
                    for at in range(0, len(view), CHUNK):
                        yield bytes(view[at : at + CHUNK])
        except FileNotFoundError:
            raise gone(one.name) from None
        except PulseError:
            raise
        except Exception as error:
            raise self._translated(error, address) from None

    def _input(self, address: ObjectAddress, meta: ObjectMeta) -> Input:
        etag, mtime = meta["e_tag"], int(meta["last_modified"].timestamp())
        if not etag:
            raise no_storage("an object has no ETag", self._provider(address))
        return Input(address.name(meta["path"]), meta["size"], mtime * 1_000_000_000, etag=etag)

    def _translated(self, error: Exception, address: ObjectAddress) -> PulseError:
        return translated(error, address, self._provider(address))

    def _provider(self, address: ObjectAddress) -> Provider:
        return provider_of(address.scheme, self._options.endpoint)

    def _store(self, address: ObjectAddress) -> ObjectStore:
        key = address.scheme, address.bucket
        if key not in self._stores:
            self._stores[key] = self._connected(address)
        return self._stores[key]

    def _connected(self, address: ObjectAddress) -> ObjectStore:
        """Raises Fatal without credentials or where the extra is not installed."""
        stores = _installed(address)
        provider = self._provider(address)
        if not self._options.instance_role:
            provider.check_credentials(address)
        options: dict[str, Any] = {
            "client_options": {
                "allow_http": provider.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=min(CONNECT_S, self._options.timeout)),
                "timeout": timedelta(seconds=self._options.timeout),
                "user_agent": "pulse",
            },
            "retry_config": {"max_retries": 0, "retry_timeout": timedelta(0), "backoff": {}},
        }
        if address.scheme == "s3" and provider.endpoint:
            options["endpoint"] = provider.endpoint
        try:
            store: ObjectStore = getattr(stores, provider.store)(address.bucket, **options)
        except Exception as error:
            raise translated(error, address, provider) from None
        return store


class _Ranges:
    """Ranges of one object, in order, the next one asked for before this one is given away.

    obstore works in threads of its own: a request goes on while no event loop runs here.
    """

    def __init__(self, store: ObjectStore, key: str, one: Input, start: int) -> None:
        self._store = store
        self._key = key
        self._one = one
        self._size = one.size or 0
        self._at = start

    def __iter__(self) -> Iterator[Bytes]:
        ahead: Asked | None = None
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            try:
                while self._at < self._size:
                    data = self._ahead_of_time(runner, ahead)
                    if data is None:
                        data = self._received(runner, self._asked(runner))
                    self._at += len(data)
                    ahead = self._asked(runner) if self._at < self._size else None
                    yield data
            finally:
                if ahead is not None:
                    ahead.cancel()

    def _asked(self, runner: asyncio.Runner) -> Asked:
        """The request for the range that begins here; it is sent before this returns."""
        import obstore

        stop = min(self._at + RANGE, self._size)
        options: GetOptions = {"range": (self._at, stop), "if_match": self._one.etag}

        async def send() -> Asked:
            return cast("Asked", obstore.get_async(self._store, self._key, options=options))

        return runner.run(send())

    def _ahead_of_time(self, runner: asyncio.Runner, ahead: Asked | None) -> Bytes | None:
        """What was asked for ahead of time; None where it did not come, so that it is asked again.

        It may have waited for its reader until the server closed the connection.
        """
        from obstore.exceptions import BaseError

        try:
            return None if ahead is None else self._received(runner, ahead)
        except BaseError:
            return None

    def _received(self, runner: asyncio.Runner, asked: Asked) -> Bytes:
        async def receive() -> GetResult:
            return await asked

        result = runner.run(receive())
        etag, size = result.meta["e_tag"] or "", result.meta["size"]
        if (etag, size, result.range[0]) != (self._one.etag, self._size, self._at):
            raise changed(self._one.name)
        return result.bytes()


def _installed(address: ObjectAddress) -> ModuleType:
    try:
        import obstore.store
    except ImportError:
        raise Fatal(
            f"{address.scheme}:// needs a library that is not installed",
            hint="pip install 'pulse-index[cloud]'",
            kind=Kind.USAGE,
        ) from None
    return obstore.store


def _is_folder(meta: ObjectMeta) -> bool:
    """Whether this is the empty object that consoles put in the place of a folder."""
    return not meta["size"] and "." not in meta["path"].rpartition("/")[2]
