"""A web server and an S3 server, the latter also behind faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.object_servers import FileServer, S3Server, s3_environment, serving_files, serving_s3


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving_files() as server:
        yield server


@pytest.fixture(scope="session")
def one_s3() -> Iterator[S3Server]:
    with serving_s3() as server:
        yield server


@pytest.fixture
def s3(one_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, as the environment tells of it."""
    for name, value in s3_environment(one_s3.url).items():
        monkeypatch.setenv(name, value)
    return one_s3


@pytest.fixture
def front(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """The S3 server behind one that can fail, as the environment tells of it."""
    with serving_files(s3.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server
