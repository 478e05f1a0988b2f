"""A simulator in a process of its own: scripted from outside, and gone with its parent."""

from __future__ import annotations

import httpx
import pytest

from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES, Profile


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_survives_the_way_to_another_process(name: str) -> None:
    assert Profile.from_json(PROFILES[name].as_json()) == PROFILES[name]


def test_a_spawned_tei_counts_fails_as_told_and_ends_with_its_parent() -> None:
    with SpawnedSimulator("tei", PROFILES["instant"]) as tei:
        port = int(tei.url.rpartition(":")[2])

        def embed() -> int:
            body = {"inputs": ["a", "b"]}
            return httpx.post(f"{tei.url}/embed", json=body, trust_env=False).status_code

        assert embed() == 200
        tei.set_faults([Fault("status", path="/embed", count=1, status=502)])
        assert [embed(), embed()] == [502, 200]
        assert tei.stats()["inputs"] == 4
        tei.reset()
        assert tei.stats()["inputs"] == 0
    # Closing closes its standard input, as the end of this process would.
    assert tei.exit_code == 0
    with SpawnedSimulator("tei", PROFILES["instant"], port=port) as again:
        assert again.url == tei.url
        again.kill()
        assert again.exit_code == -9
