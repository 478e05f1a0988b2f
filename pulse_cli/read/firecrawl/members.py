"""Which members of a record may hold the text of a page.

Names of the text differ from tool to tool. So this module lists the members that are known to be
something else (an address, a title, the counts of an envelope, other formats of Firecrawl), and any
other string may be the text. A record with such a string never counts as an answer without pages.
If it cannot be read it becomes a dead letter, and is not lost.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from pulse_cli.read.firecrawl.address import cleaned, problem

DEEPEST = 3
"""How deep objects within objects are searched."""

MOST_MEMBERS = 2_000
"""How many members of one record are searched, those nearest to its top first."""

LONGEST_LABEL = 300
"""Characters. A longer string is text even under the name of a label."""

_NEVER = frozenset(
    {
        "metadata", "links", "linksOnPage", "highlights", "screenshot", "json", "extract",
        "llm_extraction", "changeTracking", "change_tracking", "actions", "attributes", "warning",
        "success", "status", "next", "previous", "error", "errors", "error_message", "invalidURLs",
        "robotsBlocked", "scrapeIds", "searchIds", "failed_results", "title", "description",
        "snippet", "snippets", "extra_snippets", "query", "queries", "executedQuery", "prompt",
    }
)  # fmt: skip
"""Members of Firecrawl's documents and envelopes, and of search hits, that never hold the text."""

_UNLESS_A_STRING = frozenset(
    {
        "images", "media", "tables", "ssl_certificate", "response_headers", "downloaded_files",
        "js_execution_result", "console_messages", "network_requests", "dispatch_result", "headers",
        "config", "options", "parameters", "params", "constraints", "usage", "request", "sources",
        "details", "profile", "meta_url", "thumbnail", "auto_parameters",
    }
)  # fmt: skip
"""Objects and lists that crawl4ai, search tools and envelopes put beside the text."""

_BESIDE_METADATA = frozenset(
    {
        "summary", "answer", "branding", "product", "menu", "agent_hints", "blocks", "audio",
        "video",
    }
)  # fmt: skip
"""Formats of Firecrawl, which gives them with metadata."""

# The last word of a name that labels something: `product_url`, `publishDate`, `og:title`.
_LAST_WORD = r"(?:\A|[\W_]|(?<=[a-z0-9])(?=[A-Z]))(?:%s)\Z"
_LABEL = re.compile(
    _LAST_WORD
    % r"ids?|uuid|key|hash|etag|name|title|label|alt|caption|type|kind|category|categories|tags?"
    r"|keywords?|authors?|by|creator|publisher|site|domain|host|ur[li]|href|link|slug|file|filename"
    r"|lang|language|locale|country|region|city|currency|price|date|time|at|year|timestamp|format"
    r"|mime|encoding|email|phone|license|icon|favicon|logo|color|session_id",
    re.IGNORECASE,
)
# Names under which one or two words are no text, but a sentence may be.
_SHORT = re.compile(
    _LAST_WORD
    % r"class|section|topics?|source|path|published|created|updated|modified|age|on|state|status"
    r"|code|reason|message|version|size|length|count|total|rank|score|position|index|page|offset"
    r"|limit|cursor|token|method|engine|model|provider|agent|owner|role|duration|mode|content",
    re.IGNORECASE,
)


class Member(NamedTuple):
    """A string of a record. `path` is its place as `source.map` writes it: `body.text`.

    A member in a list (`in_list`) has no such place.
    """

    path: str
    text: str
    in_list: bool


def strings(record: dict[str, Any]) -> list[Member]:
    """The strings of a record that are not blank, those of objects and lists in it included."""
    return list(_strings(record))


def possible_texts(record: dict[str, Any]) -> list[Member]:
    """The strings that may be the text of a page, under names that pulse does not know."""
    beside = _BESIDE_METADATA if "metadata" in record else frozenset()
    left = {
        key: value
        for key, value in record.items()
        if key not in _NEVER
        and key not in beside
        and (key not in _UNLESS_A_STRING or isinstance(value, str))
    }
    return [member for member in _strings(left) if _may_be_text(member)]


def is_running_text(text: str) -> bool:
    """Whether it is longer than a label: three words, or more than 40 characters."""
    return len(text) > 40 or len(text.split(maxsplit=2)) > 2


def is_address(text: str) -> bool:
    return problem(cleaned(text)) is None


def _may_be_text(member: Member) -> bool:
    text = member.text
    if is_address(text) or text.startswith("data:"):
        return False
    name = member.path.rpartition(".")[2]
    if _LABEL.search(name):
        return len(text) > LONGEST_LABEL
    return is_running_text(text) or not _SHORT.search(name)


def _strings(record: dict[str, Any]) -> Iterator[Member]:
    waiting: deque[tuple[str, Any, int, bool]] = deque()
    waiting.extend((key, value, 1, False) for key, value in islice(record.items(), MOST_MEMBERS))
    for _ in range(MOST_MEMBERS):
        if not waiting:
            return
        path, value, depth, in_list = waiting.popleft()
        room = MOST_MEMBERS - len(waiting)
        if isinstance(value, str):
            if value and not value.isspace():
                yield Member(path, value, in_list)
        elif isinstance(value, dict) and depth < DEEPEST:
            inner = islice(value.items(), room)
            waiting.extend((f"{path}.{key}", one, depth + 1, in_list) for key, one in inner)
        elif isinstance(value, list) and depth < DEEPEST:
            waiting.extend((path, one, depth + 1, True) for one in islice(value, room))
