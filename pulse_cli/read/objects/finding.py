"""Finds the objects that an address stands for.

`s3://bucket/key` is the object with this key if there is one. Else it stands for all objects below
it that may hold pages, like a folder: in the order of their paths, without hidden ones. In a key,
`*`, `?` and `[…]` match within a part of the path, and `**` matches any parts, as in the shell. A
pattern that matches the beginning of a path stands for all objects below that. An address on a web
server is always one file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

from pulse_cli.errors import Fatal
from pulse_cli.model import Input
from pulse_cli.read.bytes.inputs import Found, left_out_by_name, notes_of_folder
from pulse_cli.read.objects.address import bucket_address, is_object, is_web
from pulse_cli.read.objects.bucket import Buckets
from pulse_cli.read.objects.web import WebFiles
from pulse_cli.read.options import ReadOptions

_MAGIC = re.compile(r"[*?[]")


def find_objects(specs: Sequence[str], options: ReadOptions) -> dict[str, Found]:
    """The objects now at each address among the sources. Blocking. Raises Transient, Fatal."""
    markdown = bool(options.base_url)
    found = {}
    for spec in filter(is_object, specs):
        if is_web(spec):
            web = WebFiles(options.objects, trust_env=options.trust_env)
            found[spec] = Found([web.look(spec)], [])
        else:
            found[spec] = _in_bucket(spec, Buckets(options.objects), markdown)
    return found


def _in_bucket(spec: str, buckets: Buckets, markdown: bool) -> Found:
    key = bucket_address(spec).key
    if _MAGIC.search(key):
        return _matching(spec, buckets, markdown)
    refusal: Fatal | None = None
    if key and not key.endswith("/"):
        try:
            one = buckets.head(spec)
        except Fatal as error:  # the error of a listing says more, as an answer to HEAD has no body
            one, refusal = None, error
        if one is not None:
            return Found([one], [])
    below = list(buckets.below(spec))
    if not below:
        if refusal is not None:
            raise refusal
        return Found([], [])
    depth = len(key.rstrip("/").split("/")) if key else 0
    taken, left = _sifted(below, depth, markdown)
    return Found(taken, notes_of_folder(spec, left, empty=not taken))


def _matching(spec: str, buckets: Buckets, markdown: bool) -> Found:
    """The objects that a pattern matches, and those below what it matches."""
    address = bucket_address(spec)
    pattern = address.key.split("/")
    plain = takewhile(lambda part: not _MAGIC.search(part), pattern)
    named, below = [], []
    for one in buckets.below(address.name("/".join(plain))):
        parts = _path(one)
        if matches(parts, pattern):
            named.append(one)
        elif any(matches(parts[:end], pattern) for end in range(1, len(parts))):
            below.append(one)
    taken, left = _sifted(below, len(pattern), markdown)
    notes = notes_of_folder(spec, left, empty=bool(below) and not taken and not named)
    return Found(sorted([*named, *taken], key=_path), notes)


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a pattern, part by part; a hidden part needs a pattern with a dot."""
    if not pattern:
        return not parts
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        visible = takewhile(lambda part: not part.startswith("."), parts)
        deepest = sum(1 for _ in visible)
        return any(matches(parts[skip:], rest) for skip in range(deepest + 1))
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatchcase(parts[0], first) and matches(parts[1:], rest)


def _sifted(
    objects: Sequence[Input], depth: int, markdown: bool
) -> tuple[list[Input], Counter[str]]:
    """The objects to read of a folder at `depth`, in order, and counts of the others by reason."""
    taken: list[Input] = []
    left: Counter[str] = Counter()
    for one in sorted(objects, key=_path):
        if any(part.startswith(".") for part in _path(one)[depth:]):
            continue
        if why := left_out_by_name(one.name, markdown):
            left[why] += 1
        else:
            taken.append(one)
    return taken, left


def _path(one: Input) -> list[str]:
    return bucket_address(one.name).key.split("/")
