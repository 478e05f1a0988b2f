"""The addresses of pages that are files: raw markdown, HTML, and the output of `/v2/parse`.

`firecrawl scrape URL -o x.md` keeps no address, so the user gives it: the address of one file, or
that of a folder, to which the paths in the folder are appended, in the layout of `firecrawl
download` (`docs/start/index.md` is `<base>/docs/start/`, `docs/start.md` is `<base>/docs/start`).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import quote

from pulse_cli.errors import Fatal, Kind
from pulse_cli.read.bytes.inputs import HTML_SUFFIXES, STDIN

_ESCAPED = re.compile(r"\[([*?[])\]")  # how a pattern writes such a character (glob.escape)
PAGE_SUFFIXES = (".md", *HTML_SUFFIXES)
"""Suffixes of files that are one page each."""


class FileAddress(NamedTuple):
    """The addresses for one file: its own, and that of the folder of parsed files it stands for."""

    page: str
    folder: str | None

    def of_document(self, name: str) -> str:
        """The address of a document that was parsed from the file `name`."""
        return f"{self.folder.rstrip('/')}/{quote(name)}" if self.folder else self.page


class Addresses:
    """Finds the address of a file. Raises Fatal where several files would get one address."""

    def __init__(
        self, specs: Sequence[str], base_url: str | Mapping[str, str] | None, names: Sequence[str]
    ) -> None:
        self._single: FileAddress | None = None
        self._named: frozenset[str] = frozenset()
        self._folders: dict[PurePath, str] = {}
        if isinstance(base_url, str):
            self._single = FileAddress(base_url, base_url if base_url.endswith("/") else None)
            self._named = frozenset(spec for spec in specs if not _root(spec))
            self._folders = {root: base_url for spec in specs if (root := _root(spec))}
            self._refuse_several(names)
        elif base_url:
            self._folders = {PurePath(folder): url for folder, url in base_url.items()}

    def of(self, name: str) -> FileAddress | None:
        if name in self._named:
            return self._single
        path = PurePath(name)
        folders = [folder for folder in self._folders if path.is_relative_to(folder)]
        if not folders:
            return None
        folder = max(folders, key=lambda one: len(one.parts))
        base = self._folders[folder]
        return FileAddress(_below(base, path.relative_to(folder).as_posix()), base)

    def _refuse_several(self, names: Sequence[str]) -> None:
        pages = {
            name for name in names if name in self._named and _plain(name).endswith(PAGE_SUFFIXES)
        }
        if len(pages) > 1:
            raise Fatal(
                f"--url is the address of one page, but {len(pages)} files are named",
                hint="name their folder, and with --url the address it stands for",
                kind=Kind.USAGE,
            )


def _root(spec: str) -> PurePath | None:
    """The folder that a folder or a glob stands for; None for a file or a pipe."""
    if spec == STDIN:
        return None
    if Path(spec).is_dir():
        return PurePath(spec)
    if not glob.has_magic(spec) or Path(spec).exists():
        return None
    plain = takewhile(lambda part: not glob.has_magic(_ESCAPED.sub("", part)), PurePath(spec).parts)
    return PurePath(*(_ESCAPED.sub(r"\1", part) for part in plain))


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz").removesuffix(".zst")


def _below(base: str, path: str) -> str:
    path = path[: len(_plain(path))]
    page = path[:-3] if path.lower().endswith(".md") else path
    folder, slash, last = page.rpartition("/")
    if last in ("index", "index.html", "index.htm"):
        page = f"{folder}{slash}"
    return f"{base.rstrip('/')}/{quote(os.fsencode(page))}"
