"""One collection of a simulated Qdrant server: its settings, its points, its file."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.simulators.qdrant_bodies import Refused, Space, read_space
from pulse_cli.simulators.qdrant_points import MemoryPoints, Points, ShardPoints
from pulse_cli.simulators.qdrant_strict import check_strict

_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "on_disk": False}
_OPTIMIZER = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
}


class Collection:
    """`settings` is the body it was created with; with a folder it outlives the process."""

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path | None) -> None:
        self.name = name
        self._settings = dict(settings)
        self._file = None if folder is None else folder / "collection.json"
        self.space: Space = read_space(settings)
        self._hnsw = {**_HNSW, **(settings.get("hnsw_config") or {})}
        self._optimizer = {**_OPTIMIZER, **(settings.get("optimizers_config") or {})}
        self._indexes: dict[str, dict[str, Any]] = dict(settings.get("payload_schema") or {})
        self._strict: dict[str, Any] = dict(settings.get("strict_mode_config") or {})
        self.points: Points = MemoryPoints()
        self.keeps_vectors = folder is not None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.points = ShardPoints(folder / "shard", self.space)
            self._save()

    @classmethod
    def stored(cls, folder: Path) -> Collection:
        """The collection that an earlier process left in `folder`."""
        found = orjson.loads((folder / "collection.json").read_bytes())
        return cls(found["name"], found["settings"], folder)

    def _save(self) -> None:
        if self._file is None:
            return
        settings = {
            **self._settings,
            "sparse_vectors": dict(self.space.sparse),
            "hnsw_config": self._hnsw,
            "optimizers_config": self._optimizer,
            "payload_schema": self._indexes,
            "strict_mode_config": self._strict,
        }
        data = orjson.dumps({"name": self.name, "settings": settings})
        write_atomically(self._file, data, durable=False)

    def info(self) -> dict[str, Any]:
        """As `GET /collections/{name}` tells it."""
        count = self.points.count()
        vectors: dict[str, Any] = self._settings.get("vectors") or {}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": 0,
            "points_count": count,
            "segments_count": 1,
            "config": {
                "params": {
                    "vectors": vectors,
                    "shard_number": self._settings.get("shard_number") or 1,
                    "replication_factor": 1,
                    "write_consistency_factor": 1,
                    "on_disk_payload": True,
                    **({"sparse_vectors": self.space.sparse} if self.space.sparse else {}),
                },
                "hnsw_config": self._hnsw,
                "optimizer_config": self._optimizer,
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
                "quantization_config": self._settings.get("quantization_config"),
                "strict_mode_config": self._strict,
            },
            "payload_schema": {
                name: {"data_type": params["type"], "params": params, "points": count}
                for name, params in self._indexes.items()
            },
        }

    def change(self, body: Mapping[str, Any]) -> bool:
        """`PATCH`: graph, optimizer and strict mode; anything else is accepted."""
        self._hnsw |= body.get("hnsw_config") or {}
        self._optimizer |= body.get("optimizers_config") or {}
        self._strict |= body.get("strict_mode_config") or {}
        self._settings |= {k: body[k] for k in ("quantization_config",) if k in body}
        self._save()
        return True

    @property
    def indexes(self) -> Mapping[str, Mapping[str, Any]]:
        """The payload indexes by field."""
        return self._indexes

    def check_strict(self, kind: str, body: Mapping[str, Any]) -> None:
        """Raises Refused where strict mode does not allow this request."""
        check_strict(kind, body, self._strict, self._indexes)

    def create_index(self, field: str, params: dict[str, Any]) -> None:
        prefix = bool(params.get("prefix"))
        self.points.create_index(field, params["type"], prefix=prefix)
        self._indexes[field] = params
        self._save()

    def add_vector(self, name: str, config: Mapping[str, Any]) -> None:
        if name in self.space.dense or name in self.space.sparse:
            raise Refused(409, f"Wrong input: Vector name {name} already exists")
        if not isinstance(config.get("sparse"), dict):
            raise Refused(400, "Wrong input: this simulator adds sparse vectors only")
        self.points.add_sparse(name)
        self.space = Space(self.space.dense, {**self.space.sparse, name: config["sparse"]})
        self._save()

    def close(self) -> None:
        self.points.close()

    def drop(self) -> None:
        self.close()
        if self._file is not None:
            shutil.rmtree(self._file.parent)


def folder_of(root: Path, name: str) -> Path:
    """A folder whose name cannot lead out of `root`."""
    return root / hashlib.sha256(name.encode()).hexdigest()[:32]


def stored_in(root: Path) -> dict[str, Collection]:
    """The collections an earlier process left. One that was never finished is removed."""
    found = {}
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if (Path(entry.path) / "collection.json").exists():
            collection = Collection.stored(Path(entry.path))
            found[collection.name] = collection
        elif entry.is_dir():
            shutil.rmtree(entry.path)
    return found
