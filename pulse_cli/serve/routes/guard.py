"""What stands before the calls: the secret, and refusals in the form of FastAPI."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import HTTPException, Request

from pulse_cli.serve import auth
from pulse_cli.serve.service import Service


def service_of(request: Request) -> Service:
    """The service that this application belongs to."""
    service: Service = request.app.state.service
    return service


def needs_secret(request: Request) -> None:
    """A dependency: refuses calls without the bearer secret (401)."""
    refusing(lambda: auth.check_bearer(request.headers, service_of(request).api_secret))


def refusing(check: Callable[[], None]) -> None:
    """Run a check of `auth`; its refusal becomes the HTTP answer."""
    try:
        check()
    except auth.Unauthorized as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        raise HTTPException(error.status, str(error), headers) from None
