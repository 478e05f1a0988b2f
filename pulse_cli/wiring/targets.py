"""The target of a run by its settings: names and folders, never with user and password."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pulse_cli.events import Target

if TYPE_CHECKING:
    from pulse_cli.config import Settings


def target_of(settings: Settings, dimension: int) -> Target:
    """The target of a run with these settings, without user and password."""
    server = settings.qdrant.url if is_server(settings.qdrant.url) else None
    return Target(
        embed=settings.embed.url,
        store=server or str(edge_folder(settings)),
        collection=settings.qdrant.collection,
        dimension=dimension,
    )


def target_name(settings: Settings) -> str:
    """The name of the target for locks and checkpoints."""
    target = target_of(settings, 0)
    return f"{target.store}\0{target.collection}"


def edge_folder(settings: Settings) -> Path:
    """The folder that holds embedded collections, one folder each."""
    if settings.qdrant.url is not None:
        return Path(settings.qdrant.url).absolute()
    return platformdirs.user_data_path("pulse", appauthor=False)


def bm25_folder(settings: Settings) -> Path:
    """The folder of the rank-bm25 view of this collection, beside the embedded collections."""
    target = target_of(settings, 0)
    folder = Path(target.store)
    if is_server(settings.qdrant.url):
        host = hashlib.sha256(target.store.encode()).hexdigest()[:12]
        folder = platformdirs.user_data_path("pulse", appauthor=False) / f".servers-{host}"
    return folder / ".bm25" / target.collection  # no collection begins with a dot


def is_server(url: str | None) -> bool:
    return url is not None and "://" in url
