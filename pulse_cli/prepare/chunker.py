"""Cuts cleaned texts into chunks that are never longer than the embedder takes.

Texts are split into small segments whose tokens are counted once, and the segments are
packed by the sums of these counts. Sums are not counts: a join inside a word, or of white
space under BPE, may change a few tokens. So every chunk is counted **whole**, with the
prefix and the context it will be sent with, unless there is at each of its joins a character
of which the counter knows that no token reaches across it (`breaks`; WordPiece has such).
Where a chunk turns out too long its document is packed again from there on with a smaller
budget; what is taken off doubles each time, so that this ends soon.

What holds for the chunks of a text: `text[start:end]` is the chunk; starts and ends both
rise; all characters but white space between chunks are in at least one; none begins or
ends with white space, except for the indentation of its first line. Time is linear in the
text, memory a small part of it besides the text itself.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pulse_cli.model import Section
from pulse_cli.ports import TokenCounter
from pulse_cli.prepare.context import Leads
from pulse_cli.prepare.packing import pack
from pulse_cli.prepare.sections import Sections
from pulse_cli.prepare.segments import Segmenter, Segments

VERSION = 2

_BATCH = 1 << 20
_LEAST = 16
# The deepest indentation of a first line that is kept, in characters.
_INDENTATION = 200


@dataclass(frozen=True, slots=True)
class Spans:
    """The chunks of one text: character offsets, tokens, and where each stands.

    Tokens are counted with the prefix, the context of the section, and special tokens.
    """

    starts: array[int] = field(default_factory=lambda: array("I"))
    ends: array[int] = field(default_factory=lambda: array("I"))
    counts: array[int] = field(default_factory=lambda: array("I"))
    sections: list[Section] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Task:
    """The rest of a document that is still to be packed; the numbers are those of `pack`.

    `less` is what to take off the budget when a chunk turns out too long.
    """

    document: int
    start: int
    done: int
    budget: int
    less: int = 1


@dataclass(frozen=True, slots=True)
class _Draft:
    """A packed chunk, not counted whole yet: segments from `start`, `done` the first new one."""

    task: _Task
    start: int
    done: int
    begin: int
    end: int
    count: int | None
    section: Section


class Chunker:
    """Chunks texts for one embedder. Thread-safe.

    Before each chunk its context is sent (`prepare.context`): the title of the page and, with
    `headings`, those above the chunk. It takes at most a quarter of the limit.

    Raises ValueError where fewer than `_LEAST` tokens of a chunk are left for text, or the
    overlap is not less than that.
    """

    def __init__(
        self,
        counter: TokenCounter,
        max_tokens: int,
        overlap_tokens: int,
        prefix: str = "",
        *,
        headings: bool = True,
    ) -> None:
        self._counter = counter
        self._headings = headings
        self._limit = max_tokens
        self._overlap = overlap_tokens
        self._prefix = prefix
        added = counter.special + (counter.count([prefix])[0] if prefix else 0)
        self._budget = max_tokens - counter.special
        left = max_tokens - added
        if left < _LEAST:
            raise ValueError(
                f"chunks of {max_tokens} tokens are too small: special tokens and prefix take"
                f" {added} of them, and text needs at least {_LEAST}"
            )
        if not 0 <= overlap_tokens < left:
            raise ValueError(
                f"an overlap of {overlap_tokens} tokens does not fit into chunks of {max_tokens}"
            )
        self._leads = Leads(counter, prefix, min(max_tokens // 4, left - _LEAST))
        self._segmenter = Segmenter(counter, left, counter.breaks)

    def chunk(self, pages: Sequence[tuple[str, str]]) -> list[Spans]:
        """The chunks of each (title, text); an empty text has none."""
        filled = [page for page in pages if page[1]]
        texts = [text for _, text in filled]
        segments = self._segmenter.segment(texts)
        sections = [
            Sections(self._leads, title, text, segments, document, headings=self._headings)
            for document, (title, text) in enumerate(filled)
        ]
        spans = [Spans() for _ in filled]
        tasks = [
            _Task(document, start, start, self._budget)
            for document, start in enumerate(segments.bounds[:-1])
        ]
        while tasks:
            tasks = self._round(texts, segments, sections, tasks, spans)
        done = iter(spans)
        return [next(done) if text else Spans() for _, text in pages]

    def _round(
        self,
        texts: Sequence[str],
        segments: Segments,
        sections: Sequence[Sections],
        tasks: list[_Task],
        spans: list[Spans],
    ) -> list[_Task]:
        """Add chunks to `spans` up to the first one too long in each document; return the rest."""
        again: dict[int, _Task] = {}
        drafts: list[_Draft] = []
        size = 0
        for task in tasks:
            for draft in self._drafts(
                texts[task.document], segments, sections[task.document], task
            ):
                drafts.append(draft)
                size += draft.end - draft.begin
                if size >= _BATCH:
                    self._settle(texts, drafts, spans, again)
                    drafts, size = [], 0
                    if task.document in again:
                        break
        self._settle(texts, drafts, spans, again)
        return list(again.values())

    def _drafts(
        self, text: str, segments: Segments, sections: Sections, task: _Task
    ) -> Iterator[_Draft]:
        chars = segments.chars
        base = chars[segments.bounds[task.document]]
        last = segments.bounds[task.document + 1]
        # Where room has become that short, indentation may be what takes it.
        indentation = _INDENTATION if 2 * task.budget > self._budget else 0

        def room(segment: int) -> int:
            return max(1, task.budget - sections.at(segment)[1])

        for start, done, stop in pack(segments, task.start, task.done, last, room, self._overlap):
            begin, end = _trim(text, chars[start] - base, chars[stop] - base, indentation)
            if begin < end:
                section, lead = sections.at(start)
                exact = (
                    self._leads.exact
                    and segments.inexact_joins[stop] == segments.inexact_joins[start + 1]
                )
                count = segments.tokens[stop] - segments.tokens[start] + lead if exact else None
                yield _Draft(task, start, done, begin, end, count, section)

    def _settle(
        self,
        texts: Sequence[str],
        drafts: list[_Draft],
        spans: list[Spans],
        again: dict[int, _Task],
    ) -> None:
        whole = iter(
            self._counter.count(
                [
                    self._leads.lead(draft.section.context)
                    + texts[draft.task.document][draft.begin : draft.end]
                    for draft in drafts
                    if draft.count is None
                ]
            )
        )
        for draft in drafts:
            count = next(whole) if draft.count is None else draft.count
            count += self._counter.special
            task = draft.task
            if task.document in again:
                continue
            if count > self._limit and task.budget > 1:
                budget = max(1, task.budget - max(task.less, count - self._limit))
                again[task.document] = _Task(
                    task.document, draft.start, draft.done, budget, 2 * task.less
                )
                continue
            found = spans[task.document]
            found.starts.append(draft.begin)
            found.ends.append(draft.end)
            found.counts.append(count)
            found.sections.append(draft.section)


def _trim(text: str, begin: int, end: int, indentation: int) -> tuple[int, int]:
    """Leave out white space around text[begin:end], but keep the indentation of its first line.

    At most so many characters of it. They may lie before `begin`: the splitter sees no
    difference between spaces.
    """
    piece = text[begin:end]
    body = piece.strip()
    if not body:
        return begin, begin
    first = begin + len(piece) - len(piece.lstrip())
    nearest = max(0, first - indentation)
    line = text.rfind("\n", nearest, first) + 1 or nearest
    indented = line == 0 or text[line - 1] == "\n"
    if indented and not text[line:first].strip():
        return line, first + len(body)
    return first, first + len(body)
