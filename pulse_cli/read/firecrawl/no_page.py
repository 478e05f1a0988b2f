"""Objects that certainly hold no page: what they are, and how to get the pages.

Asked only about objects in which no page was found. The answer is None wherever a string in it may
be the text of a page (`members.possible_texts`): then it is a record and not one of these.
"""

from __future__ import annotations

import re
from typing import Any

from pulse_cli.model import NoDocument
from pulse_cli.read.firecrawl.members import is_address, is_running_text, possible_texts
from pulse_cli.read.framing.json_span import EnvelopeContext

MAP_OUTPUT = NoDocument(
    "map-output", "this is the output of map: addresses without pages; crawl or scrape them"
)
_EXTRACT_ONLY = NoDocument(
    "extract-only", "there is extracted data but no page text; scrape with formats: markdown"
)
_WITHOUT_TEXT = NoDocument(
    "without-text",
    "these pages were scraped without their text (formats: images, links, ...); scrape with"
    " formats: markdown",
)
_EMPTY = NoDocument("empty-response")
_EXTRACTED = ("json", "extract", "llm_extraction")
_SAYS_WHY = ("error", "error_message", "reason", "message", "details")
"""Where a failure is described."""

_RUNNING = frozenset(
    {
        "processing", "scraping", "completed", "failed", "cancelled", "active", "queued",
        "pending", "waiting", "running", "started",
    }
)  # fmt: skip
"""What the status of a job says."""


def no_document(
    value: dict[str, Any], wrappers: frozenset[str], context: EnvelopeContext
) -> NoDocument | None:
    """What an object is that holds no page; None for a record that may hold one."""
    if value.get("success") is False or value.get("error") or value.get("isError") is True:
        rest = {key: one for key, one in value.items() if key not in _SAYS_WHY}
        texts = possible_texts(rest)
        return None if any(is_running_text(one.text) for one in texts) else failure(value)
    if texts := possible_texts(value):
        if "query" in value and wrappers & value.keys():  # of a search that found nothing
            return None if any(is_running_text(one.text) for one in texts) else _EMPTY
        extracted = context is EnvelopeContext.SUCCESS and not _has_address(value)
        return _EXTRACT_ONLY if extracted else None
    return _textless(value, wrappers) or (
        _EXTRACT_ONLY if context is EnvelopeContext.SUCCESS else None
    )


def of_page(page: dict[str, Any]) -> NoDocument:
    """What a page is that has no text."""
    extracted = any(page.get(name) for name in _EXTRACTED)
    return _EXTRACT_ONLY if extracted else _WITHOUT_TEXT


def failure(value: dict[str, Any]) -> NoDocument:
    """A page or an answer that Firecrawl reported as failed."""
    return NoDocument("failed-scrape", f"Firecrawl reported an error: {_sentence(value)}")


def _textless(value: dict[str, Any], wrappers: frozenset[str]) -> NoDocument | None:
    """The same for an object without any string that may be a text."""
    if "metadata" in value:
        return of_page(value)
    if isinstance(value.get("links"), list):
        return MAP_OUTPUT
    if "errors" in value and "robotsBlocked" in value:
        return NoDocument("error-list")
    if "imageUrl" in value or _is_hit(value):
        return NoDocument("search-hit-without-text")
    if held := wrappers & value.keys():
        lists = [one for name in held if isinstance(one := value[name], list) and one]
        if lists and "images" not in held:
            return MAP_OUTPUT  # strings that are all addresses
        answered = {"success", "status", "id", "jobId"} & value.keys()
        return _WITHOUT_TEXT if lists or (_has_address(value) and not answered) else _EMPTY
    if _is_job(value):
        hint = f"this is the handle of a job, not its result; {_fetch(value)}"
        return NoDocument("job-handle", hint)
    return None if value else _EMPTY


def _has_address(value: dict[str, Any]) -> bool:
    return any(isinstance(one, str) and is_address(one) for one in value.values())


def _is_job(value: dict[str, Any]) -> bool:
    if "jobId" in value:
        return True
    if "id" not in value:
        return False
    return value.get("status") in _RUNNING or {"success", "url"} <= value.keys()


def _is_hit(value: dict[str, Any]) -> bool:
    return isinstance(value.get("url"), str) and bool(
        {"title", "description", "snippet", "position"} & value.keys()
    )


def _fetch(value: dict[str, Any]) -> str:
    job = value.get("jobId") or value.get("id")
    named = isinstance(job, str) and re.fullmatch(r"[\w-]{1,64}", job)
    if named:
        what = "batch/scrape" if "/batch/" in str(value.get("url")) else "crawl"
        return f"fetch it with: pulse index firecrawl:{what}/{job}"
    return "fetch the result first"


def _sentence(value: dict[str, Any]) -> str:
    for key in _SAYS_WHY:
        if isinstance(text := value.get(key), str):
            return text[:200]
    return "without a message"
