"""Simulated services in processes of their own, a zygote, and a disk that can be full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.bench import Bench
from tests.torture.disks import mounted


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Of 1 GiB, until `disks.resize`."""
    with mounted(tmp_path / "disk", "1g") as made:
        yield made
