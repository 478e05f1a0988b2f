"""Checks that need an environment of their own: `pipx run nox -s NAME`, `nox -l` lists them.

`.ci/run` is what CI runs; these are for other interpreters and for the lowest versions.
"""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["tests"]


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The tests, on every Python that pulse runs on."""
    session.install("-e", ".[local,test]")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests with the lowest version of everything that pyproject.toml names."""
    session.install("--resolution", "lowest-direct", "-e", ".[local,test]")
    session.run("pytest", *session.posargs)
