"""Which page a file of raw markdown is: `firecrawl scrape URL -o x.md` keeps no address.

The user says it: the address of one file, or the address that a folder stands for, below which
the paths in it are appended as `firecrawl download` lays them out (`docs/start/index.md`
is `<base>/docs/start/`, `docs/start.md` is `<base>/docs/start`).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from urllib.parse import quote

from pulse_cli.errors import Exit, Fatal
from pulse_cli.read.bytes.inputs import STDIN

_ESCAPED = re.compile(r"\[([*?[])\]")  # how a pattern writes such a character (glob.escape)


class Addresses:
    """Finds the address of a markdown file. Raises Fatal where one address would serve several."""

    def __init__(
        self, specs: Sequence[str], base_url: str | Mapping[str, str] | None, names: Sequence[str]
    ) -> None:
        self._single: str | None = None
        self._named: frozenset[str] = frozenset()
        self._folders: dict[PurePath, str] = {}
        if isinstance(base_url, str):
            self._single = base_url
            self._named = frozenset(spec for spec in specs if not _root(spec))
            self._folders = {root: base_url for spec in specs if (root := _root(spec))}
            self._refuse_several(names)
        elif base_url:
            self._folders = {PurePath(folder): url for folder, url in base_url.items()}

    def of(self, name: str) -> str | None:
        if name in self._named:
            return self._single
        path = PurePath(name)
        folders = [folder for folder in self._folders if path.is_relative_to(folder)]
        if not folders:
            return None
        folder = max(folders, key=lambda one: len(one.parts))
        return _below(self._folders[folder], path.relative_to(folder).as_posix())

    def _refuse_several(self, names: Sequence[str]) -> None:
        pages = [name for name in names if name in self._named and _plain(name).endswith(".md")]
        if len(set(pages)) > 1:
            raise Fatal(
                f"--url is the address of one page, but {len(pages)} markdown files are named",
                hint="name their folder, and with --url the address it stands for",
                kind="ambiguous-url",
                exit_code=Exit.USAGE,
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
    if page == "index" or page.endswith("/index"):
        page = page[: -len("index")]
    return f"{base.rstrip('/')}/{quote(os.fsencode(page))}"
