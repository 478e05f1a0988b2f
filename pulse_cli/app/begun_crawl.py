"""What the state folder keeps of a crawl that `pulse crawl` has begun and not yet indexed whole.

The file is written before Firecrawl is asked to start the crawl, and again with the id of the
crawl. So after a kill at any moment the next process can go on with the same crawl. The file has a
lock: one `pulse crawl` of the same request and target runs at a time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.state_files import hold_now, make_folder
from pulse_cli.errors import Fatal, Kind, Locked

SUFFIX = ".begun.json"


@dataclass(frozen=True, slots=True)
class BegunCrawl:
    """`crawl_id` is None until Firecrawl has told it; `begun` is RFC 3339."""

    begun: str
    crawl_id: str | None = None


class BegunCrawlFile:
    """The file for one request to one Firecrawl and one target."""

    def __init__(
        self, folder: Path, firecrawl_url: str, request: Mapping[str, Any], target: str
    ) -> None:
        self._folder = folder
        said = [firecrawl_url, target, request]
        digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
        host = re.sub(r"[^A-Za-z0-9.-]+", "_", urlsplit(request["url"]).hostname or "")[:40]
        self.path = folder / f"{host}-{digest[:12]}{SUFFIX}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold its lock. Raises Locked, Fatal."""
        make_folder(self._folder)
        with ExitStack() as stack:
            if not hold_now(self.path.with_suffix(".lock"), stack):
                raise Locked(
                    f"this crawl is being indexed by another process ({self.path.name})",
                    hint="wait for it to end",
                )
            yield

    def read(self) -> BegunCrawl | None:
        """The crawl that was begun, or None. Raises Fatal where the file cannot be read."""
        with disk_errors(self.path):
            try:
                value = orjson.loads(self.path.read_bytes())
                return BegunCrawl(value["begun"], value["crawl_id"])
            except FileNotFoundError:
                return None
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise Fatal(
                    f"{self.path} is damaged, so the id of the crawl is not known",
                    hint="start another one with --restart",
                    kind=Kind.CHECKPOINT,
                ) from None

    def save(self, begun: BegunCrawl) -> None:
        """Raises Fatal."""
        value = {"begun": begun.begun, "crawl_id": begun.crawl_id}
        with disk_errors(self.path):
            write_atomically(self.path, orjson.dumps(value))

    def remove(self) -> None:
        """Remove the file, because the crawl is indexed. Raises Fatal."""
        with disk_errors(self.path):
            self.path.unlink(missing_ok=True)
