"""Pruning: what goes and what stays, and that it may be cut short anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.cli.exit_codes import Exit, exit_of_run
from pulse_cli.engine import PruneOptions
from pulse_cli.engine.fault_points import PRUNE_POINTS
from pulse_cli.events import Summary
from tests.torture.moments import Moments, at
from tests.torture.world import World

YES = PruneOptions(confirmed=True)
LENGTHS = (1, 60, 3)  # paragraphs: some pages are one chunk, some are many


def url(number: int, host: str = "docs.example") -> str:
    return f"https://{host}/page-{number}"


def page(address: str, words: str = "", **more: Any) -> dict[str, Any]:
    text = (
        f"# About {address}\n\n"
        + f"Something about {address}. {words}\n\n" * LENGTHS[len(address) % len(LENGTHS)]
    )
    return {"markdown": text, "metadata": {"url": address, **more}}


def crawl(path: Path, *records: Any) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def pages(world: World) -> set[str]:
    return {str(point.payload["canonical_url"]) for point in world.shelf.points.values()}


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """A store that holds 40 pages of one host and 5 of another."""
    made = World(tmp_path / "world", 1)
    before = [page(url(n)) for n in range(40)] + [page(url(n, "other.example")) for n in range(5)]
    await finished(made, crawl(tmp_path / "before.jsonl", *before))
    return made


async def finished(world: World, source: Path, **options: Any) -> Summary:
    summary = await world.start(source, **options)
    assert summary is not None
    return summary


async def test_only_pages_of_the_same_hosts_go(world: World, tmp_path: Path) -> None:
    today = crawl(tmp_path / "today.jsonl", *(page(url(n)) for n in range(4, 42)))
    summary = await finished(world, today, prune=PruneOptions())
    assert (exit_of_run(summary), summary.pruned) == (Exit.OK, 4)
    other = {url(n, "other.example") for n in range(5)}
    assert pages(world) == {url(n) for n in range(4, 42)} | other
    again = await finished(world, today, prune=PruneOptions())
    assert (again.pruned, again.counts.unchanged) == (0, 38)


async def test_without_being_asked_nothing_goes(world: World, tmp_path: Path) -> None:
    await finished(world, crawl(tmp_path / "today.jsonl", page(url(1))))
    assert len(pages(world)) == 45


async def test_a_scope_is_a_beginning_of_addresses(world: World, tmp_path: Path) -> None:
    today = crawl(tmp_path / "today.jsonl", page(url(1)), page(url(2)))
    options = PruneOptions("https://docs.example/page-1", confirmed=True)
    summary = await finished(world, today, prune=options)
    assert summary.pruned == 10  # page-10 to page-19
    await finished(world, today, prune=PruneOptions("https://docs.exam", confirmed=True))
    assert len(pages(world)) == 35, "a bare host ends where it ends"
    bare = PruneOptions("https://docs.example", confirmed=True)
    assert (await finished(world, today, prune=bare)).pruned == 28


async def test_gone_pages_go_and_dead_and_skipped_ones_stay(world: World, tmp_path: Path) -> None:
    rest = [page(url(n)) for n in range(5, 40)]
    odd = [
        page(url(0), statusCode=404),
        page(url(1), statusCode=410),
        page(url(2), statusCode=503),
        {"markdown": " ", "metadata": {"url": url(3)}},
        {"markdown": {"not": "text"}, "metadata": {"url": url(4)}},
    ]
    summary = await finished(world, crawl(tmp_path / "a.jsonl", *rest, *odd), prune=PruneOptions())
    assert sum(summary.counts.dead.values()) == 1
    assert (exit_of_run(summary), summary.pruned) == (Exit.DEAD_LETTERS, 2)
    assert pages(world) >= {url(2), url(3), url(4)}
    assert not pages(world) & {url(0), url(1)}


@pytest.mark.parametrize("options", [PruneOptions(), PruneOptions(count=8, share=None)])
async def test_too_many_are_refused(world: World, tmp_path: Path, options: PruneOptions) -> None:
    today = crawl(tmp_path / "today.jsonl", *(page(url(n)) for n in range(9, 41)))
    summary = await finished(world, today, prune=options)
    assert (summary.status, exit_of_run(summary)) == ("complete", Exit.REFUSED)
    assert summary.error is not None
    assert "9 of the 41 pages of docs.example" in summary.error.message
    assert len(pages(world)) == 46, "all is indexed, nothing removed"
    assert (await finished(world, today, prune=YES)).pruned == 9


async def test_a_link_to_another_site_does_not_empty_it(world: World, tmp_path: Path) -> None:
    """The share is of each host: 4 of 5 pages are few beside 40, but they are that host."""
    records = [page(url(n)) for n in range(40)] + [page(url(0, "other.example"))]
    summary = await finished(world, crawl(tmp_path / "a.jsonl", *records), prune=PruneOptions())
    assert exit_of_run(summary) == Exit.REFUSED
    assert len(pages(world)) == 45


PARTIAL = {
    "cut in a record": lambda records: [*records, '{"markdown": "# Hal'],
    "an unreadable line": lambda records: ["{oops}", *records],
    "a failed page": lambda records: [
        *records,
        {"type": "crawl.page", "success": False, "data": [], "error": "timeout"},
    ],
    "more to fetch": lambda records: [
        {"status": "completed", "data": records, "next": "https://api.example/v2/crawl/1?skip=9"}
    ],
    "still crawling": lambda records: [{"status": "scraping", "total": 90, "data": records}],
    "a crawl that failed": lambda records: [{"status": "failed", "data": records}],
}


@pytest.mark.parametrize("case", sorted(PARTIAL))
async def test_a_crawl_that_may_lack_pages_prunes_nothing(
    world: World, tmp_path: Path, case: str
) -> None:
    records = PARTIAL[case]([page(url(n)) for n in range(38)])
    source = crawl(tmp_path / "today.jsonl", *records)
    summary = await finished(world, source, prune=YES)
    assert exit_of_run(summary) == Exit.REFUSED
    assert summary.error is not None
    assert "the crawl may be incomplete" in summary.error.message
    assert len(pages(world)) == 45


@pytest.mark.parametrize("case", ["an unreadable line", "cut in a record", "more to fetch"])
@pytest.mark.parametrize("place", ["checkpoint-saved", "commit-done", "checkpoint-snapshot"])
async def test_what_was_wrong_before_a_crash_is_not_forgotten(
    world: World, tmp_path: Path, case: str, place: str
) -> None:
    records = PARTIAL[case]([page(url(n), "changed") for n in range(38)])
    source = crawl(tmp_path / "today.jsonl", *records)
    for nth in (3, 2):
        await world.start(source, Moments(at(place), nth), prune=YES)
    summary = await world.start(source, prune=YES)
    assert summary is not None
    assert exit_of_run(summary) == Exit.REFUSED
    assert len(pages(world)) == 45


@pytest.mark.parametrize("place", [*PRUNE_POINTS, "checkpoint-saved", "commit-done"])
@pytest.mark.parametrize("nth", [1, 2])
async def test_dying_shows_nowhere(world: World, tmp_path: Path, place: str, nth: int) -> None:
    records = [page(url(n), "changed" if n % 3 else "") for n in range(6, 45)]
    source = crawl(tmp_path / "today.jsonl", *records)
    died = await world.start(source, Moments(at(place), nth), prune=YES)
    again = await world.start(source, prune=YES)
    assert again is not None
    assert (again.status, exit_of_run(again)) == ("complete", Exit.OK)
    if nth == 1:
        assert died is None
    assert pages(world) == {url(n) for n in range(6, 45)} | {
        url(n, "other.example") for n in range(5)
    }
    assert list(world.state.glob("*.seen")) == [], "only an unfinished run needs it"


async def test_a_limit_is_no_whole_crawl(world: World, tmp_path: Path) -> None:
    today = crawl(tmp_path / "today.jsonl", *(page(url(n)) for n in range(30)))
    summary = await finished(world, today, limit=20, prune=YES)
    assert (summary.status, summary.pruned) == ("limited", 0)
    assert len(pages(world)) == 45


RUINED = {
    "removed": Path.unlink,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-16]),
    "unreadable": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("how", sorted(RUINED))
async def test_a_list_of_pages_that_was_damaged_removes_nothing(
    world: World, tmp_path: Path, how: str
) -> None:
    """An empty list would say that every page below the scope has gone."""
    source = crawl(tmp_path / "today.jsonl", *(page(url(n)) for n in range(30)))

    def ruin(moment: str) -> bool:
        if moment == "checkpoint-saved":
            for seen in world.state.glob("*.seen"):
                if seen.is_file():
                    RUINED[how](seen)
        return False

    scope = PruneOptions(url(1).removesuffix("1"), confirmed=True)
    summary = await finished(world, source, moments=Moments(ruin), prune=scope)
    assert summary.status == "failed"
    assert summary.error is not None
    assert ".seen" in summary.error.message
    assert len(pages(world)) == 45
