"""What the user should know about the sources: one line for each kind of note, with its count.

A fault that 3,000 pages share is reported once. The first note of a kind is printed when it
comes, the others are counted, and the summary says how many there were. Kinds are named in
code, so memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pulse_cli.model import NoDocument, Note, Record


@dataclass(slots=True)
class _Kind:
    first: str
    count: int = 1


class Notes:
    """The notes of one reading, by kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, record: Record) -> str | None:
        """Count what a record tells the user. Returns the note if it is the first of its kind."""
        match record.content:
            case Note(message=message, kind=kind):
                return self._add(kind or message, message)
            case NoDocument(reason=reason, hint=hint) if hint:
                return self._add(f"no document: {reason}", f"{record.place.source}: {hint}")
        return None

    def merge(self, kinds: Iterable[tuple[str, str, int]]) -> None:
        """Add the notes of another reading, as its `kinds` gives them."""
        for kind, first, count in kinds:
            known = self._kinds.setdefault(kind, _Kind(first, 0))
            known.count += count

    def kinds(self) -> list[tuple[str, str, int]]:
        """Each kind with its first note and how many there were, in their order."""
        return [(kind, one.first, one.count) for kind, one in self._kinds.items()]

    def lines(self) -> list[str]:
        """One line for each kind, in the order in which they came."""
        return [
            one.first + (f" (and {one.count - 1:,} more like it)" if one.count > 1 else "")
            for one in self._kinds.values()
        ]

    def _add(self, kind: str, message: str) -> str | None:
        if kind in self._kinds:
            self._kinds[kind].count += 1
            return None
        self._kinds[kind] = _Kind(message)
        return message
