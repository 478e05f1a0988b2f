"""Lists, aliases and removes the embedded collections in one folder.

An alias is a symbolic link beside the folder of the collection, because all names of a folder lead
to one owner (`folder.py`). A link is replaced by renaming another over it, so a reader always finds
the old collection or the new one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind, Locked, NoIndex
from pulse_cli.store.edge.folder import ABOUT, CollectionFolder


class EdgeCatalog:
    """`Catalog` of the collections in `folder`, which need not exist. Blocking, but short."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def collections(self) -> list[str]:
        return sorted(path.name for path in self._entries() if not path.is_symlink())

    async def aliases(self) -> dict[str, str]:
        links = (path for path in self._entries() if path.is_symlink())
        return {path.name: _meant(path) for path in sorted(links)}

    def _entries(self) -> list[Path]:
        """All entries that hold a collection, aliases among them. Raises Fatal."""
        try:
            with os.scandir(self._folder) as entries:
                found = [Path(entry.path) for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CollectionFolder(self._folder).unusable(error) from error
        return [path for path in found if (path / ABOUT).is_file()]

    async def size(self, collection: str) -> int | None:
        total = 0
        for place, _, names in os.walk(self._path(collection)):
            for name in names:
                with contextlib.suppress(OSError):  # the engine replaces files at any time
                    total += (Path(place) / name).stat().st_blocks * 512
        return total

    async def set_alias(self, alias: str, collection: str) -> None:
        there, link = self._path(collection), self._folder / check_name(alias)
        if not (there / ABOUT).is_file():
            raise self._missing(collection)
        if link.exists() and not link.is_symlink():
            raise Fatal(
                f"{alias!r} is the name of a collection in {self._folder}, so it cannot be given to"
                " another",
                hint=f"choose another alias, or remove it first: pulse drop {alias}",
                kind=Kind.COLLECTION,
            )
        half = self._folder / f".alias-{uuid.uuid4().hex}"
        try:
            half.symlink_to(_meant(there))
            half.replace(link)
        except OSError as error:
            raise CollectionFolder(link).unusable(error) from error

    async def drop(self, collection: str) -> None:
        """Raises Locked while any process has it open."""
        path = self._path(collection)
        if path.is_symlink():
            path.unlink()
            return
        folder = CollectionFolder.at(path)
        if not (path / ABOUT).is_file() or not folder.exists():
            raise self._missing(collection)
        lock = folder.try_lock()
        if lock is None:
            raise Locked(
                f"the index {path} is open in another process",
                hint="end the commands that use it (`pulse serve`, a run), then try again",
            )
        gone = self._folder / f".dropped-{uuid.uuid4().hex}"
        try:
            path.rename(gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise folder.unusable(error) from error
        finally:
            os.close(lock)
        _remove_links(self._folder, path.name)

    def _path(self, collection: str) -> Path:
        return self._folder / check_name(collection)

    def _missing(self, collection: str) -> NoIndex:
        return NoIndex(
            f"there is no index {collection!r} in {self._folder}",
            hint="`pulse ls` shows what there is",
        )

    async def aclose(self) -> None:
        """Nothing is held open."""


def _meant(path: Path) -> str:
    """The name of the collection that `path` leads to."""
    return Path(os.path.realpath(path)).name


def _remove_links(folder: Path, name: str) -> None:
    """Remove the aliases of the collection `name`, which was removed."""
    with os.scandir(folder) as entries:
        links = [Path(entry.path) for entry in entries if entry.is_symlink()]
    for link in links:
        if str(link.readlink()) == name:
            link.unlink(missing_ok=True)
