"""Aliases and telemetry of a simulated Qdrant server, as qdrant 1.18.3 answers them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.simulators.qdrant_bodies import Refused, malformed
from pulse_cli.simulators.qdrant_collection import Collection


class Aliases:
    """Second names of collections; with a folder they outlive the process."""

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "aliases.json"
        self._names: dict[str, str] = {}
        if self._file is not None and self._file.exists():
            self._names = orjson.loads(self._file.read_bytes())

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def meant(self, name: str) -> str:
        """The collection that is asked for by `name`."""
        return self._names.get(name, name)

    def listed(self) -> list[dict[str, str]]:
        return [{"alias_name": a, "collection_name": c} for a, c in self._names.items()]

    def change(self, body: Mapping[str, Any], collections: Mapping[str, Collection]) -> bool:
        """All actions or none. Raises Refused."""
        names = dict(self._names)
        for action in body.get("actions") or ():
            ((kind, spec),) = action.items()
            if kind == "delete_alias":
                names.pop(spec["alias_name"], None)
            elif kind == "create_alias":
                alias, collection = spec["alias_name"], spec["collection_name"]
                if collection not in collections:
                    raise Refused(404, f"Not found: Collection `{collection}` doesn't exist!")
                if alias in collections:
                    raise Refused(400, f"Wrong input: Collection `{alias}` already exists!")
                names[alias] = collection
            else:
                raise malformed(f"unknown variant `{kind}`")
        self._keep(names)
        return True

    def forget(self, collection: str) -> None:
        """The aliases of a collection go with it."""
        self._keep({a: c for a, c in self._names.items() if c != collection})

    def _keep(self, names: dict[str, str]) -> None:
        self._names = names
        if self._file is not None:
            write_atomically(self._file, orjson.dumps(names), durable=False)


def telemetry(collections: Mapping[str, Collection]) -> dict[str, Any]:
    """The part with the sizes of collections: 4 bytes for each number, 1 kB for each payload."""
    return {
        "collections": {
            "collections": [
                {"id": name, "shards": [{"id": 0, "local": _sizes(collection)}]}
                for name, collection in collections.items()
            ]
        }
    }


def _sizes(collection: Collection) -> dict[str, int]:
    count = collection.points.count()
    dimension = sum(size for size, _ in collection.space.dense.values())
    return {
        "num_points": count,
        "vectors_size_bytes": 4 * dimension * count,
        "payloads_size_bytes": 1000 * count,
    }
