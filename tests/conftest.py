"""What every test may ask for: the long tier, real pages kept elsewhere, an ordinary user."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does.
settings.register_profile("pulse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pulse")

LONG_TIER = "long tier"
NOBODY = 65534


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nightly", action="store_true", default=False, help="run the long tier as well"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "begun_first" not in item.keywords)
    if config.getoption("--nightly"):
        return
    skip = pytest.mark.skip(reason=LONG_TIER)
    for item in items:
        if "nightly" in item.keywords:
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that names what was left out, and how to run it."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
    )
    parts = []
    if long := reasons.pop(LONG_TIER, 0):
        parts.append(f"{long} cases of the long tier (pytest --nightly, or tools/nightly)")
    parts += [f"{number} ({reason})" for reason, number in sorted(reasons.items())]
    if parts:
        terminalreporter.write_line(f"Left out: {'; '.join(parts)}")


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


@pytest.fixture
def without_root() -> Iterator[Path]:
    """An empty folder, and no right to read everything: CI is root, its users are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        before = os.geteuid()
        if before == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)
