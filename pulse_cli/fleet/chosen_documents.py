"""A source of which some documents are left out, or of which they alone are read."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from pulse_cli.model import Document, Input, Position, Record
from pulse_cli.ports import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pulse_cli.events import Waiting


class ChosenDocuments:
    """`ports.Source` over `source`: without the `numbered` documents, or (`alone`) only those.

    `numbered` counts the documents of the source from 0, in ascending order. What is no document
    is read with the others, and not with those alone.
    """

    def __init__(self, source: Source, numbered: NDArray[np.int64], *, alone: bool) -> None:
        self._source = source
        self._numbered = numbered
        self._alone = alone

    @property
    def inputs(self) -> Sequence[Input]:
        return self._source.inputs

    def records(self, start: Position) -> Generator[Record, None, None]:
        """The chosen records; `start` must be the beginning."""
        assert start == Position(), "a shard is read from its beginning"
        waiting = iter(self._numbered.tolist())
        following = next(waiting, None)
        documents = 0
        for record in self._source.records(start):
            if not isinstance(record.content, Document):
                if not self._alone:
                    yield record
                continue
            is_numbered = documents == following
            if is_numbered:
                following = next(waiting, None)
            if is_numbered == self._alone:
                yield record
            documents += 1

    def progress(self) -> tuple[int, int | None]:
        return self._source.progress()

    def check(self) -> None:
        self._source.check()

    def waiting(self) -> Waiting | None:
        return self._source.waiting()
