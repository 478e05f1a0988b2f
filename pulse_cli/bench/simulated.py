"""The simulated services of one profile, each in its process, for one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import Profile

DISTURBED = (
    Fault("slow", path="/embed", rate=0.01, factor=(20.0, 20.0)),
    Fault("slow", path="/embed", factor=(1 / 10**0.5, 10**0.5)),
)
"""One request of a hundred takes 20 times as long, the others vary tenfold."""


class SimulatedServices:
    """An embedding server and a store, both empty."""

    def __init__(self, tei: SpawnedSimulator, qdrant: SpawnedSimulator) -> None:
        self._tei = tei
        self._qdrant = qdrant

    @property
    def settings(self) -> dict[str, Any]:
        """What tells pulse to use them."""
        return {"embed.url": self._tei.url, "qdrant.url": self._qdrant.url}

    @property
    def urls(self) -> tuple[str, str]:
        return self._tei.url, self._qdrant.url

    def look(self) -> tuple[Any, Any]:
        return self._tei.stats(), self._qdrant.stats()

    def reset(self) -> None:
        self._tei.reset()
        self._qdrant.reset()


@contextmanager
def simulated(profile: Profile, *, disturbed: bool = False) -> Iterator[SimulatedServices]:
    """Start both; they end with the context, or with this process."""
    with SpawnedSimulator("tei", profile) as tei, SpawnedSimulator("qdrant", profile) as qdrant:
        if disturbed:
            tei.set_faults(DISTURBED)
        yield SimulatedServices(tei, qdrant)
