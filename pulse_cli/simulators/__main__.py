"""Run one simulated service as a process: `python -m pulse_cli.simulators tei l4`.

Prints its URL, then serves until interrupted or, with `--child`, until its standard input
ends, which is when its parent is gone, however that came about.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import selectors
import signal
import sys
from collections.abc import AsyncIterator

from pulse_cli.simulators.http import Service, serving
from pulse_cli.simulators.profiles import PROFILES, Profile

KINDS = ("tei", "qdrant", "firecrawl")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pulse_cli.simulators")
    parser.add_argument("kind", choices=KINDS)
    names = f"one of {', '.join(PROFILES)}, or a profile as JSON; a Firecrawl has none"
    parser.add_argument("profile", nargs="?", default="instant", help=names)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", help="where a simulated Qdrant keeps its points")
    parser.add_argument("--child", action="store_true", help="end when standard input ends")
    asked = parser.parse_args()
    text: str = asked.profile
    profile = Profile.from_json(json.loads(text)) if text.startswith("{") else PROFILES[text]
    # select(2) waits to the microsecond; epoll, and so every other loop, to the millisecond,
    # which is half a batch of a fast device.
    with asyncio.Runner(loop_factory=_select_loop) as runner:
        runner.run(_serve(asked, profile))


def _select_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


@contextlib.asynccontextmanager
async def _opened(kind: str, profile: Profile, folder: str | None) -> AsyncIterator[Service]:
    if kind == "tei":
        from pulse_cli.prepare import vendored_tokenizer
        from pulse_cli.simulators.tei import TeiService
        from pulse_cli.simulators.wordpiece import WordPiece

        yield TeiService(profile.tei, WordPiece(vendored_tokenizer()))
        return
    if kind == "firecrawl":
        from pulse_cli.simulators.firecrawl import FirecrawlService

        firecrawl = FirecrawlService()
        try:
            yield firecrawl
        finally:
            await firecrawl.close()
        return
    from pulse_cli.simulators.qdrant import QdrantService

    qdrant = QdrantService(folder, model=profile.qdrant)
    try:
        yield qdrant
    finally:
        qdrant.close()


async def _serve(asked: argparse.Namespace, profile: Profile) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with (
        _opened(asked.kind, profile, asked.folder) as service,
        serving(service, port=asked.port) as simulator,
    ):
        print(simulator.url, flush=True)
        if asked.child:
            await loop.connect_read_pipe(lambda: _EndOfInput(over), sys.stdin)
        await over.wait()


class _EndOfInput(asyncio.Protocol):
    def __init__(self, over: asyncio.Event) -> None:
        self._over = over

    def connection_lost(self, _: Exception | None) -> None:
        self._over.set()


if __name__ == "__main__":
    main()
