"""Lists and reads the objects of a bucket, through obstore.

Guarantees: bytes of two versions of an object are never mixed (`ranges`). While a range is parsed,
the next one is requested: of the same object, or of the objects that are read after it. Memory
holds about two ranges. A request ends within its timeout, counted from the moment it is sent, and
is not repeated here (`reading` does that). The metadata service of the machine is asked for
credentials only with `instance_role`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pulse_cli.errors import Fatal, Kind, PulseError
from pulse_cli.model import Input
from pulse_cli.read.bytes.unpack import CHUNK
from pulse_cli.read.objects.address import ObjectAddress, bucket_address
from pulse_cli.read.objects.bucket_errors import no_storage, translated
from pulse_cli.read.objects.changes import gone
from pulse_cli.read.objects.provider import Provider, provider_of
from pulse_cli.read.objects.ranges import Part, Range, Requests
from pulse_cli.read.options import ObjectOptions

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

RANGE = 4 * 1024 * 1024
OBJECTS_AHEAD = 16
"""This many of the next objects are requested early, if they have at most RANGE bytes in all."""
CONNECT_S = 5.0
_LISTED_AT_ONCE = 1000


class Buckets:
    """The objects of any bucket. A connection is made when it is needed."""

    def __init__(self, options: ObjectOptions) -> None:
        self._options = options
        self._stores: dict[tuple[str, str], ObjectStore] = {}
        self._requests = Requests()
        self._following: Sequence[Part] = ()

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
        """The objects below this key, as in a folder. Raises Transient, Fatal."""
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

    def expect(self, following: Sequence[Part]) -> None:
        """Say what will be read after the next call of `chunks`."""
        self._following = following

    def chunks(self, part: Part) -> Iterator[bytes]:
        """The bytes of a part of an object, at most CHUNK at a time.

        Raises SourceChanged where it is another object now, Transient, Fatal.
        """
        address = bucket_address(part.one.name)
        try:
            ranges = [self._range(part, at) for at in range(part.start, part.end, RANGE)]
            early = self._early()
            self._requests.keep([*ranges, *early])
            for number, wanted in enumerate(ranges, 1):
                meanwhile = ranges[number : number + 1] or early
                with memoryview(self._requests.receive(wanted, meanwhile)) as view:
                    for at in range(0, len(view), CHUNK):
                        yield bytes(view[at : at + CHUNK])
        except FileNotFoundError:
            raise gone(part.one.name) from None
        except PulseError:
            raise
        except Exception as error:
            raise self._translated(error, address) from None

    def close(self) -> None:
        """Cancel the requests in flight."""
        self._requests.close()

    def _early(self) -> list[Range]:
        """The ranges of the next objects that are requested early."""
        early: list[Range] = []
        room = RANGE
        for part in self._following[:OBJECTS_AHEAD]:
            first = self._range(part, part.start)
            room -= first.length
            if room < 0:
                break
            if first.length:
                early.append(first)
        return early

    def _range(self, part: Part, start: int) -> Range:
        address = bucket_address(part.one.name)
        stop = min(start + RANGE, part.end)
        return Range(part.one, start, stop, self._store(address), address.key)

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
    """Whether this is an empty object by which consoles represent a folder."""
    return not meta["size"] and "." not in meta["path"].rpartition("/")[2]
