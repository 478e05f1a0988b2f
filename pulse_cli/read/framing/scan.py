"""Finds where JSON values end without parsing them, by counting brackets outside strings.

One regular expression matches up to the next bracket or long string, and a search goes from quote
to quote within long strings. Both run in C, at 200 to 600 MB/s, in constant memory and without
backtracking (possessive quantifiers). So the time is linear even for hostile input. Nothing is
validated: that is done by the parser.
"""

from __future__ import annotations

import re

QUOTE = 0x22
OPENING = b"{["
_BRACKETS = b"{}[]"
BOM = b"\xef\xbb\xbf"
BLANK = re.compile(rb"(?:[ \t\r\n,]|\xef\xbb\xbf)*+")
"""What may be between values: blanks, a comma, a byte order mark (of concatenated files)."""
SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,"{}\[\]:]++', re.DOTALL)
"""A value without brackets."""
_RUN = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]{0,200}+")*+')
_BACKSLASH = ord("\\")


class Scan:
    """Scans one value that begins with a bracket, as its bytes arrive.

    `ended`: the end of the value was passed. `at_member`: a member that begins with a bracket
    follows.
    """

    __slots__ = ("_depth", "_inside", "at_member", "ended")

    def __init__(self) -> None:
        self._depth = 0
        self._inside = False
        self.ended = False
        self.at_member = False

    def advance(self, data: bytes, at: int, stop: int, members: bool = False) -> int:
        """Scan `data[at:stop]`. Returns the index from which to continue with more bytes.

        If the value `ended`, that is the index after it. With `members` the scan also stops at the
        bracket of each member (`at_member`). The next call goes into that member, unless
        `skip_member` is called first.
        """
        depth = self._depth
        if self.at_member:
            self.at_member = False
            depth += 1
            at += 1
        while True:
            if self._inside or (at < stop and data[at] not in _BRACKETS):
                at = self._between(data, at, stop)
            if self._inside or at == stop:
                break
            if data[at] not in OPENING:
                depth -= 1
                if depth <= 0:
                    self.ended = True
                    at += 1
                    break
            elif members and depth == 1:
                self.at_member = True
                break
            else:
                depth += 1
            at += 1
        self._depth = depth
        return at

    def _between(self, data: bytes, at: int, stop: int) -> int:
        """The index after strings and plain values: the next bracket, or the end of the bytes."""
        while True:
            if self._inside:
                at, self._inside = _string_end(data, at, stop)
                if self._inside:
                    return at
            at = end_of(_RUN, data, at, stop)
            if at == stop or data[at] != QUOTE:
                return at
            at += 1
            self._inside = True

    def skip_member(self) -> None:
        """Continue after the member that begins here, which the caller has consumed."""
        self.at_member = False


def _string_end(data: bytes, at: int, stop: int) -> tuple[int, bool]:
    """The index after the string that contains `at`, and False. If the string goes on beyond
    `stop`: the index from which to continue, and True.

    Long strings are most of every input, so only their quotes are searched for.
    """
    while True:
        quote = data.find(b'"', at, stop)
        end = stop if quote < 0 else quote
        before = end
        while before > at and data[before - 1] == _BACKSLASH:
            before -= 1
        escaped = (end - before) % 2
        if quote < 0:
            return stop - escaped, True
        at = quote + 1
        if not escaped:
            return at, False


def end_of(pattern: re.Pattern[bytes], data: bytes, at: int, stop: int) -> int:
    """Where the match that begins at `at` ends."""
    match = pattern.match(data, at, stop)
    return match.end() if match else at
