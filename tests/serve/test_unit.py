"""The systemd unit of the repository, as systemd itself reads it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "packaging" / "pulse.service"
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here")
def test_systemd_has_nothing_to_say_against_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert "/opt/pulse/bin/pulse serve" in text
    unit = tmp_path / "pulse.service"  # with a program that exists on this machine
    unit.write_text(text.replace("/opt/pulse/bin/pulse serve", f"{sys.executable} serve"))
    checked = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    about_it = [line for line in checked.stderr.splitlines() if "pulse.service" in line]
    assert (checked.returncode, about_it) == (0, [])
