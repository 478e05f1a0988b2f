"""Which members of a record may hold the text of a page.

Names differ from tool to tool, so the question is asked the other way round: what is known to be
no text (an address, a title, the counts of an envelope, what Firecrawl returns beside the text) is
named here, and any other string may be the text. A record with such a string is never taken for an
answer without pages: what cannot be read is a dead letter and not lost.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from pulse_cli.read.firecrawl.address import cleaned, problem

DEEPEST = 3
"""Objects within objects that are looked into."""

MOST_MEMBERS = 2_000
"""Members of one record that are looked at, those nearest to its top first."""

LONGEST_LABEL = 300
"""Characters. A longer string is text even under the name of a label."""

# What stands beside the text in Firecrawl's documents, and in those of crawl4ai.
_DOCUMENT = (
    "metadata links linksOnPage images screenshot summary json extract llm_extraction answer"
    " highlights changeTracking change_tracking actions attributes branding audio video product"
    " menu agent_hints blocks warning media tables ssl_certificate response_headers"
    " error_message extracted_content downloaded_files js_execution_result console_messages"
    " network_requests dispatch_result session_id"
)
# What envelopes say about themselves.
_ENVELOPE = (
    "success status total completed current creditsUsed credits_used expiresAt expires_at"
    " createdAt completedAt duration next previous warning error errors details invalidURLs"
    " robotsBlocked scrapeIds searchIds partial returnCode headers config options parameters"
    " params constraints usage request follow_up_questions related_questions auto_parameters"
    " failed_results response_time executedQuery query queries prompt sources"
)
# What a search engine says about a hit.
_HIT = (
    "title description snippet snippets extra_snippets position category date imageUrl"
    " imageWidth imageHeight thumbnail meta_url profile family_friendly subtype"
)
_KNOWN = frozenset(f"{_DOCUMENT} {_ENVELOPE} {_HIT}".split())

# The last word of a name that labels something: `product_url`, `publishDate`, `og:title`.
_LABEL = re.compile(
    r"(?:\A|[\W_]|(?<=[a-z0-9])(?=[A-Z]))(?:id|ids|uuid|key|hash|etag|name|title|label|description"
    r"|snippet|type|kind|class|category|section|tags?|keywords?|topics?|author|by|creator|publisher"
    r"|source|site|domain|host|url|uri|href|link|path|slug|file|filename|lang|language|locale"
    r"|country|region|city|currency|price|date|time|at|on|year|published|created|updated|modified"
    r"|timestamp|age|status|state|code|reason|message|error|version|format|mime|encoding|size|length"
    r"|count|total|rank|score|position|index|page|offset|limit|cursor|token|method|query|engine"
    r"|model|provider|email|phone|agent|owner|license|icon|favicon|logo|color|role)\Z",
    re.IGNORECASE,
)


class Member(NamedTuple):
    """A string of a record. `path` is its place as `source.map` writes it: `body.text`.

    What stands in a list (`in_list`) has no such place.
    """

    path: str
    text: str
    in_list: bool


def strings(record: dict[str, Any]) -> list[Member]:
    """The strings of a record that are not blank, those of objects and lists in it included."""
    return list(_strings(record))


def possible_texts(record: dict[str, Any]) -> list[Member]:
    """The strings that may be the text of a page, under names that pulse does not know."""
    left = {key: value for key, value in record.items() if key not in _KNOWN}
    return [member for member in _strings(left) if _may_be_text(member)]


def is_running_text(text: str) -> bool:
    """Whether it is longer than a label: three words, or more than 40 characters."""
    return len(text) > 40 or len(text.split(maxsplit=2)) > 2


def is_address(text: str) -> bool:
    return problem(cleaned(text)) is None


def _may_be_text(member: Member) -> bool:
    if is_address(member.text) or member.text.startswith("data:"):
        return False
    name = member.path.rpartition(".")[2]
    return len(member.text) > LONGEST_LABEL or not _LABEL.search(name)


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
