#!/usr/bin/env python3
"""Load on `pulse serve`: events from many connections, searches meanwhile; prints what it measured.

    tools/serve_load.py events --events 10000 --connections 200
    tools/serve_load.py searches --seconds 20

Starts a service of its own on the embedded store, or on a simulated Qdrant, with a simulated TEI
of the `l4` profile, in a folder that is removed afterwards. `events` also indexes the same pages
from one file, with the same services, for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from pulse_cli.bench.prose import pages
from pulse_cli.serve.auth import signature
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

SECRET = "s" * 32
PORT = 52_199


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("events", "searches"))
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--store", choices=("edge", "qdrant"), default="edge")
    asked = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # what was started ends with it
    with (
        tempfile.TemporaryDirectory(prefix="serve-load-") as folder,
        SpawnedSimulator("tei", PROFILES["l4"]) as tei,
        SpawnedSimulator("qdrant", PROFILES["instant"]) as qdrant,
    ):
        store = qdrant.url if asked.store == "qdrant" else f"{folder}/index"
        flags = ["--tei", tei.url, "--qdrant", store, "--state-dir", f"{folder}/state"]
        (events if asked.what == "events" else searches)(asked, Path(folder), flags)


def events(asked: argparse.Namespace, folder: Path, flags: list[str]) -> None:
    made = list(event_bodies(asked.events))
    file = folder / "pages.jsonl"
    file.write_bytes(b"".join(body + b"\n" for body in made))
    with serving(flags) as process:
        began = time.monotonic()
        requests = [post("/api/webhook/firecrawl", body) for body in made]
        taken = asyncio.run(send(requests, asked.connections, "/api/search"))
        accepted_s = time.monotonic() - began
        times, searched = taken
        print(
            f"accepted {len(made):,} events in {accepted_s:.1f} s: {len(made) / accepted_s:.0f}/s"
        )
        print(f"answers: {quantiles(times)}")
        print(f"searches while they came (bm25): {len(searched)}: {quantiles(searched)}")
        while backlog():
            time.sleep(0.2)
        indexed_s = time.monotonic() - began
        peak, cpu_s = peak_mib(process.pid), cpu_seconds(process.pid)
    print(f"indexed after {indexed_s:.1f} s: {len(made) / indexed_s:.0f} pages/s")
    print(f"the service: at most {peak:.0f} MiB, {cpu_s:.1f} s of CPU")
    began = time.monotonic()
    other = ["--collection", "from_a_file", "--progress", "none", "--json"]
    run = subprocess.run(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "pulse_cli", "index", str(file), *flags, *other],
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = orjson.loads(run.stdout)["seconds"]
    print(f"the same from one file: {seconds:.1f} s: {len(made) / seconds:.0f} pages/s")


def searches(asked: argparse.Namespace, folder: Path, flags: list[str]) -> None:
    file = folder / "pages.jsonl"
    file.write_bytes(b"".join(body + b"\n" for body in event_bodies(2_000)))
    subprocess.run(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "pulse_cli", "index", str(file), *flags, "--progress", "none"],
        check=True,
    )
    body = orjson.dumps({"query": "the first of all", "mode": "bm25", "limit": 10})
    with serving(flags):
        count = int(asked.seconds * 1_000)
        requests = [post("/api/search", body)] * count
        began = time.monotonic()
        times, _ = asyncio.run(send(requests, asked.connections, ""))
        seconds = time.monotonic() - began
    print(f"{count:,} searches in {seconds:.1f} s: {count / seconds:.0f}/s; {quantiles(times)}")


def event_bodies(count: int) -> Iterator[bytes]:
    """Events of one page of about 10 KB each."""
    for made in pages(count, median=4_100, seed=1):
        metadata = {"url": made.url, "title": made.title, "statusCode": 200}
        page = {"markdown": made.text, "metadata": metadata}
        event = {"success": True, "type": "crawl.page", "id": "load", "data": [page]}
        yield orjson.dumps(event)


@contextmanager
def serving(flags: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PULSE_SERVE__API_SECRET": SECRET,
        "PULSE_SERVE__WEBHOOK_SECRET": SECRET,
    }
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "pulse_cli", "serve", "--port", str(PORT), *flags],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health").close()
                break
            except OSError:
                time.sleep(0.02)
        print(f"start to ready: {time.monotonic() - began:.2f} s")
        yield process
    finally:
        process.terminate()
        process.wait(60)


def post(path: str, body: bytes) -> bytes:
    """A whole request, as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {SECRET}\r\nx-firecrawl-signature: {signature(body, SECRET)}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(
    requests: list[bytes], connections: int, search: str
) -> tuple[list[float], list[float]]:
    """Seconds to each answer; and those of searches made meanwhile, ten a second."""
    left = iter(requests)
    times: list[float] = []
    searched: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        for request in left:
            times.append(await exchange(reader, writer, request))
        writer.close()

    async def look() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        body = orjson.dumps({"query": "the first of all", "mode": "bm25"})
        while True:
            searched.append(await exchange(reader, writer, post(search, body)))
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look()) if search else None
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one())
    if looking is not None:
        looking.cancel()
    return times, searched


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> float:
    began = time.monotonic()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] not in (b"200", b"202"):
        raise SystemExit(f"refused: {head.decode()}")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return time.monotonic() - began


def backlog() -> int:
    """Bytes that wait to be indexed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("pulse_backlog_bytes "))


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    half, most = (1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return f"p50 {half:.0f} ms, p99 {most:.0f} ms, worst {1000 * ordered[-1]:.0f} ms"


if __name__ == "__main__":
    main()
