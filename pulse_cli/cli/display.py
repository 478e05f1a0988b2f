"""The live display of a run on a terminal.

It is drawn when the engine sends numbers, without a thread of its own. Cells are cut and not
wrapped, so that its height never changes and narrow terminals stay readable.
"""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pulse_cli import numbers
from pulse_cli.cli.layout import waiting
from pulse_cli.cli.throughput import Throughput
from pulse_cli.events import Draining, Event, Message, Progress, StageStats, Started, Stats, Waiting
from pulse_cli.sanitize import sanitize

MARGIN = 4
STAGES = (("prepare", "cutting"), ("embed", "embedding"), ("store", "writing"))
STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red"}


class Display:
    """An observer to be used as a context manager: the display is removed at its end."""

    def __init__(self, console: Console, *, debug: bool = False) -> None:
        self._console = console
        self._debug = debug
        self._throughput = Throughput()
        self._title = ""
        self._state = ""
        self._drawn = False
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Display:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on(self, event: Event) -> None:
        match event:
            case Started():
                shown = ", ".join(sanitize(name) for name in event.sources)
                self._title = f"{shown} → {sanitize(event.target)}"
                self._state = "goes on where it stopped" if event.resumed else ""
            case Progress():
                self._drawn = True
                self._throughput.update(event.stats)
                self._live.update(self.frame(event.stats), refresh=True)
            case Waiting() if not self._drawn:
                self._live.update(Text(sanitize(waiting(event)), "yellow"), refresh=True)
            case Draining():
                by = sanitize(event.reason)
                self._state = f"finishing what is in flight ({by}); Ctrl-C again stops at once"
            case Message() if event.level != "debug" or self._debug:
                where = f"{sanitize(event.where)}: " if event.where else ""
                self._console.print(Text(where + sanitize(event.text), STYLES[event.level]))

    def frame(self, stats: Stats) -> RenderableType:
        """The display for these numbers."""
        throughput = self._throughput
        figured = _grid()
        figured.add_column(justify="right", no_wrap=True, style="cyan")
        figured.add_row("done", *_done(stats, throughput.share(stats)))
        documents = f"{numbers.rate(throughput.documents_per_s)} pages/s"
        figured.add_row("pages", _outcomes(stats), documents)
        chunks = f"{numbers.count(stats.chunks_embedded)} embedded"
        speed = f"{numbers.rate(throughput.chunks_per_s)} chunks/s"
        figured.add_row(
            "chunks", chunks, f"{speed}, {numbers.count(throughput.tokens_per_s)} tokens/s"
        )
        said = _grid()
        said.add_row("at work", _stages(stats))
        said.add_row("time", self._time(stats))
        title = Text(self._title, style="bold", no_wrap=True, overflow="ellipsis")
        # The margin leaves room for the "^C" that a terminal echoes, which would wrap the line.
        return Constrain(Group(title, figured, said), self._console.width - MARGIN)

    def _time(self, stats: Stats) -> Text:
        left = self._throughput.left_s(stats)
        parts = [f"{numbers.clock(stats.elapsed_s)} so far"]
        if left is not None:
            parts.append(f"about {numbers.clock(left)} left")
        if stats.waiting_for:
            parts.append(sanitize(waiting(stats.waiting_for)))
        if self._state:
            parts.append(self._state)
        style = "yellow" if stats.waiting_for else ""
        return Text("; ".join(parts), style=style)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(style="bold", no_wrap=True, width=9)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    return grid


def _done(stats: Stats, share: float | None) -> tuple[RenderableType, str]:
    """A bar and a percentage; the bytes read, if the size of the input is not known."""
    if share is None or not stats.bytes_total:
        return Text(f"{numbers.size(stats.bytes_read)} read"), ""
    bar = ProgressBar(total=1.0, completed=share)
    return bar, f"{100 * share:.0f} % of {numbers.size(stats.bytes_total)}"


def _outcomes(stats: Stats) -> Text:
    counts = stats.counts
    skipped, dead = sum(counts.skipped.values()), sum(counts.dead.values())
    text = Text(f"{counts.indexed:,} indexed", style="green")
    for number, word, style in (
        (counts.unchanged, "unchanged", ""),
        (skipped, "skipped", ""),
        (dead, "dead", "red"),
    ):
        if number:
            text.append(f" · {number:,} {word}", style=style or "default")
    return text


def _stages(stats: Stats) -> Text:
    """`embedding 3 (+120 waiting)`: three requests are in flight, 120 texts wait."""
    parts = [_stage(word, stats.stages[name]) for name, word in STAGES if name in stats.stages]
    text = Text(" · ".join(filter(None, parts)) or "reading")
    if retries := sum(stage.retries for stage in stats.stages.values()):
        text.append(f" · {retries:,} sent again", "yellow")
    return text


def _stage(word: str, stage: StageStats) -> str:
    if not (stage.in_flight or stage.waiting):
        return ""
    waiting = f" (+{stage.waiting:,} waiting)" if stage.waiting else ""
    return f"{word} {stage.in_flight}{waiting}"
