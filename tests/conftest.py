"""What every test may ask for: the long tier (`--nightly`), and real pages kept elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nightly", action="store_true", default=False, help="run the long tier as well"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "begun_first" not in item.keywords)
    if config.getoption("--nightly"):
        return
    skip = pytest.mark.skip(reason="long tier: run with --nightly")
    for item in items:
        if "nightly" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real Firecrawl files that $PULSE_TEST_DATA names (`shapes/`, `bulk/`)."""
    named = os.environ.get("PULSE_TEST_DATA")
    if not named:
        pytest.skip("needs real Firecrawl files: set PULSE_TEST_DATA to their folder")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"PULSE_TEST_DATA={named} is not a folder")
    return folder
