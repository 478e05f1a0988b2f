"""Who may call: bearer secrets and signatures of bodies, compared in constant time.

Rules of the original service: API calls carry `Authorization: Bearer SECRET` (or the secret
alone); Firecrawl signs the raw body in `X-Firecrawl-Signature: sha256=HEX` (HMAC-SHA256);
changedetection's `X-Signature` is the same with an optional prefix, or it sends the bearer
secret, because changedetection itself signs nothing. No message repeats what was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")


class Unauthorized(Exception):
    """The call is refused with this HTTP status: 401, or 400 for what is no signature at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_bearer(headers: Mapping[str, str], secret: str | None) -> None:
    """Raises Unauthorized. Without a configured secret every call is allowed."""
    if secret is None:
        return
    given = headers.get("authorization", "")
    token = given[7:] if given[:7].lower() == "bearer " else given
    if not token:
        raise Unauthorized(401, "an Authorization header with the secret is needed")
    if not _equal(token.strip(), secret):
        raise Unauthorized(401, "the secret is wrong")


def check_firecrawl(headers: Mapping[str, str], body: bytes, secret: str | None) -> None:
    """Raises Unauthorized: 401 without or with a wrong signature, 400 for a malformed one."""
    if secret is None:
        return
    given = headers.get("x-firecrawl-signature", "")
    if not given:
        raise Unauthorized(401, "the header X-Firecrawl-Signature is missing")
    if not given.startswith("sha256="):
        raise Unauthorized(400, "X-Firecrawl-Signature must read sha256=<64 hex digits>")
    _check_signature(given, "X-Firecrawl-Signature", body, secret)


def check_changedetection(
    headers: Mapping[str, str], body: bytes, secret: str | None, api_secret: str | None
) -> None:
    """A signature of the body, or the bearer secret of the API. Raises Unauthorized (401)."""
    if secret is None and api_secret is None:
        return
    given = headers.get("x-signature", "")
    if given and secret is not None:
        try:
            _check_signature(given, "X-Signature", body, secret)
        except Unauthorized as error:
            raise Unauthorized(401, str(error)) from None
        return
    if "authorization" in headers and api_secret is not None:
        check_bearer(headers, api_secret)
        return
    raise Unauthorized(401, "the header X-Signature is missing")


def signature(body: bytes, secret: str) -> str:
    """What a sender puts into the header: `sha256=` and the HMAC in hex."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _check_signature(given: str, header: str, body: bytes, secret: str) -> None:
    match = _SIGNATURE.fullmatch(given.strip())
    if match is None:
        raise Unauthorized(400, f"{header} must read sha256=<64 hex digits>")
    if not _equal(f"sha256={match[1].lower()}", signature(body, secret)):
        raise Unauthorized(401, f"{header} does not fit the body")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
