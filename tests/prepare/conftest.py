"""Counters and their references for each kind of tokenizer, opened once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulse_cli.ports import TokenCounter
from pulse_cli.prepare import open_counter
from tests.prepare.tokenizer_files import KINDS, reference


@pytest.fixture(scope="session", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def counter(kind: str) -> TokenCounter:
    return open_counter(KINDS[kind]())[0]


@pytest.fixture(scope="session")
def counts_whole(kind: str) -> Callable[[str], int]:
    """The reference count of a text as it is sent: special tokens included."""
    return reference(KINDS[kind](), special=True)


@pytest.fixture(scope="session")
def counts_bare(kind: str) -> Callable[[str], int]:
    """The reference count of a text, special tokens left out."""
    return reference(KINDS[kind]())


@pytest.fixture(scope="session")
def wordpiece() -> TokenCounter:
    return open_counter(KINDS["wordpiece"]())[0]
