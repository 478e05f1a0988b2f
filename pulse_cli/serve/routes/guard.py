"""What stands before the calls: the secret, the form of a body, and refusals as HTTP answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import orjson
from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPBearer
from pydantic import ValidationError

from pulse_cli.serve import auth
from pulse_cli.serve.service import Service

RETRY_AFTER_S = "60"  # Firecrawl sends an event again after 1, 5 and 15 minutes


# Puts the need of a secret into the description of the API; `needs_secret` does the refusing.
_SCHEME = HTTPBearer(auto_error=False, scheme_name="secret")


def service_of(request: Request) -> Service:
    """The service that this application belongs to."""
    service: Service = request.app.state.service
    return service


async def needs_secret(request: Request, _: Annotated[Any, Security(_SCHEME)]) -> None:
    """A dependency: refuses calls without the bearer secret (401)."""
    refusing(lambda: auth.check_bearer(request.headers, service_of(request).api_secret))


def refusing(check: Callable[[], None]) -> None:
    """Run a check of `auth`; its refusal becomes the HTTP answer."""
    try:
        check()
    except auth.Unauthorized as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        raise HTTPException(error.status, str(error), headers) from None


def parsed(kind: Any, body: bytes, *, invalid: int = 422) -> Any:
    """The body as a `kind`. What is wrong with it is answered without repeating it.

    `invalid` is the status for JSON that is no such body; what is no JSON is 400.
    """
    try:
        return kind.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise HTTPException(invalid, problems(found)) from None


def problems(found: Iterable[Any]) -> list[dict[str, Any]]:
    """What pydantic found, without what was sent."""
    return [{"loc": one["loc"], "msg": one["msg"], "type": one["type"]} for one in found]
