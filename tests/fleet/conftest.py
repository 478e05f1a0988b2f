"""The machine on which whole commands with workers run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.torture.bench import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as made:
        yield made
