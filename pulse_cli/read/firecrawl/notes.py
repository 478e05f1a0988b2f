"""What the envelope of a crawl says about pages that are not in it."""

from __future__ import annotations

import re
from typing import Any

from pulse_cli.read.framing.json_span import Content, Hint

_SKIP = re.compile(r"[?&]skip=(\d{1,9})(?:&|\Z)")
_JOB = re.compile(r"/(crawl|batch/scrape)/([\w-]{1,64})(?:[?/]|\Z)")


def envelope_hints(value: dict[str, Any], found: int) -> list[Content | Hint]:
    """Notes for a crawl whose answer is not the whole crawl; `found` pages are in it.

    An answer that others follow in the same input may well be one page of a complete crawl, so
    the note counts only for the last one.
    """
    status = value.get("status")
    following = value.get("next")
    if status in ("failed", "cancelled"):
        message = f"the crawl is {status}: {_share(value, None, found)}"
        return [Hint(message, "crawl-failed", partial=True)]
    if not (isinstance(following, str) and following) and status not in ("scraping", "active"):
        return []
    following = following if isinstance(following, str) else None
    what = "the crawl is not finished" if status in ("scraping", "active") else "partial crawl"
    shown = f"{what}: {_share(value, following, found)}; {_rest(value, following)}"
    return [Hint(shown, "crawl-partial", partial=True)]


def _share(value: dict[str, Any], following: str | None, found: int) -> str:
    before = _SKIP.search(following) if following else None
    done = int(before[1]) if before else found
    total = value.get("total")
    if isinstance(total, int) and not isinstance(total, bool) and total >= done:
        return f"{done:,} of {total:,} pages"
    return f"{done:,} pages"


def _rest(value: dict[str, Any], following: str | None) -> str:
    job = value.get("id")
    named = _JOB.search(following) if following else None
    what = named[1] if named else "crawl"
    if not isinstance(job, str) or not re.fullmatch(r"[\w-]{1,64}", job):
        job = named[2] if named else None
    if job:
        return f"fetch the rest with: pulse index firecrawl:{what}/{job}"
    return "fetch the rest from the address in its member next"
