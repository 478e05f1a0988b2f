"""What goes wrong with a simulated service, and for which requests.

A schedule is a list of faults; the first that matches a request happens to it. A fault
matches by path, by a marker in the body (a poison text), by the ordinal among the requests
that got so far, and by a random share; randomness comes from a seed, so that the same
requests in the same order meet the same faults. Schedules are plain data: they can be
handed over in process or as JSON to `POST /_sim/faults`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "status",  # answers `status`, `headers`, `body`
    "reset",  # resets the connection
    "hang",  # never answers
    "drip",  # sends the answer's body byte by byte, `seconds` apart
    "slow",  # the work takes `factor` times as long, and `seconds` more
    "invalid-json",
    "truncated-json",
    "html",  # 200 with a web page, as a proxy's login page
    "gzip-bomb",  # 80 MiB of blanks in 80 KiB of body
    # Answers with wrong vectors; only an embedding service knows these.
    "fewer",
    "more",
    "dimension",  # all vectors too short
    "mixed-dimension",  # the last vector too short
    "null",  # how serde writes NaN
    "nan",  # the literal NaN, which is not JSON
    "huge",  # 1e400
    "string",
    "zero",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and the requests it happens to.

    It matches POST and other requests whose path begins with `path` and whose body holds
    `marker` and is longer than `over` bytes; of those, numbered from 0, the `count` from
    `first` on (None: all further ones), and of these a random share `rate`. `when`: `before`
    (nothing is done), `after` (the request is carried out, then the fault shows) or, for a
    reset, `body` (carried out and half answered). `factor` is drawn log-uniformly between its
    two ends.
    """

    kind: Kind
    path: str = ""
    method: str = ""
    marker: str = ""
    over: int = -1
    first: int = 0
    count: int | None = None
    rate: float = 1.0
    when: Literal["before", "body", "after"] = "before"
    status: int = 503
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    factor: tuple[float, float] = (1.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Fault:
        """Raises ValueError naming what is not known."""
        unknown = set(value) - {f.name for f in fields(Fault)}
        if unknown or "kind" not in value:
            raise ValueError(f"not a fault: unknown {sorted(unknown)} or no kind")
        low, high = value.get("factor", (1.0, 1.0))
        return Fault(**{**value, "factor": (float(low), float(high))})


class FaultSchedule:
    """The faults of one simulator, with the state of their counters."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self.set(faults, seed)

    def set(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        """Replace the schedule; ordinals begin anew."""
        self._faults = list(faults)
        self._seen = [0] * len(self._faults)
        self._fired = [0] * len(self._faults)
        self._random = random.Random(seed)

    @property
    def fired(self) -> list[int]:
        """How often each fault happened, in the order of the schedule."""
        return list(self._fired)

    def pick(self, method: str, path: str, body: bytes) -> Fault | None:
        """The fault that happens to this request. Every fault it matches counts it."""
        picked: Fault | None = None
        for i, fault in enumerate(self._faults):
            if not path.startswith(fault.path) or (fault.method and fault.method != method):
                continue
            if len(body) <= fault.over or fault.marker.encode() not in body:
                continue
            ordinal = self._seen[i]
            self._seen[i] += 1
            if ordinal < fault.first:
                continue
            if fault.count is not None and ordinal >= fault.first + fault.count:
                continue
            if fault.rate < 1.0 and self._random.random() >= fault.rate:
                continue
            if picked is None:
                picked = fault
                self._fired[i] += 1
        return picked

    def draw(self, fault: Fault) -> float:
        """A factor between the two ends of `fault.factor`, log-uniformly."""
        low, high = fault.factor
        return low if low == high else low * float((high / low) ** self._random.random())
