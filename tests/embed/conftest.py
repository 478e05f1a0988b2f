"""Simulated servers for the embedders, over real TCP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece

Serves = Callable[..., AbstractAsyncContextManager[Simulator]]


@pytest.fixture(scope="session")
def wordpiece() -> WordPiece:
    return WordPiece(vendored_tokenizer())


@pytest.fixture
def serve(wordpiece: WordPiece) -> Serves:
    """`serve(faults, **changes)` runs a TEI without delays; changes are fields of its model."""

    @asynccontextmanager
    async def served(faults: Iterable[Fault] = (), **changes: Any) -> AsyncIterator[Simulator]:
        service = TeiService(replace(PROFILES["instant"].tei, **changes), wordpiece)
        async with serving(service, faults=faults) as simulator:
            yield simulator

    return served
