"""Translates the errors of obstore into errors of pulse.

The texts of obstore may hold whole answers, addresses with signatures, and keys. So only the
status, the provider's error code and region, and the message of the operating system are passed on.
"""

from __future__ import annotations

import re

from pulse_cli.errors import Fatal, Kind, PulseError, Transient
from pulse_cli.read.objects.address import ObjectAddress
from pulse_cli.read.objects.changes import changed
from pulse_cli.read.objects.provider import Provider

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_SYSTEM = re.compile(r'(?:message|error): "([^"]{1,120})"')
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})
_WRONG_KEY = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "AuthenticationFailed",
        "InvalidSecurity",
    }
)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TLS = ("certificate", "CertificateRequired", "UnknownIssuer")
_NO_TLS = ("InvalidContentType", "wrong version number")


def translated(error: Exception, address: ObjectAddress, provider: Provider) -> PulseError:
    """Transient where repeating the request may help, else SourceChanged or Fatal."""
    text = str(error)
    found, name = _STATUS.search(text), address.name(address.key)
    where = provider.shown
    if type(error).__name__ in ("InvalidPathError", "ValueError"):
        return Fatal(
            f"{name}: a key there has an empty part, `.` or `..` in its path, which cannot be read",
            hint="name a prefix without it",
            kind=Kind.UNREADABLE_SOURCE,
        )
    if found:
        code = _CODE.search(text)
        return _answered(int(found[1]), code[1] if code else "", text, address, provider)
    if "without LOCATION" in text:
        return _elsewhere(text, address, provider)
    if any(word in text for word in _TLS):
        hint = "check the endpoint; SSL_CERT_FILE names another authority"
        return Fatal(f"the certificate of {where} is not trusted", hint=hint, kind=Kind.TLS)
    if any(word in text for word in _NO_TLS):
        hint = "write the endpoint with http:// instead of https://"
        return Fatal(f"{where} does not speak TLS", hint=hint, kind=Kind.TLS)
    return _unanswered(text, name, provider)


def _answered(
    status: int, code: str, text: str, address: ObjectAddress, provider: Provider
) -> PulseError:
    name, where = address.name(address.key), provider.shown
    said = f"{status} {code}".rstrip()
    if code in _NO_BUCKET:
        return Fatal(
            f"{where} has no bucket {address.bucket!r}",
            hint=f"check its name, and {provider.setting}",
            kind=Kind.MISSING_SOURCE,
        )
    if status in _PASSING or code == "SlowDown":
        return Transient(f"{where} answers {said}", overload=status in (429, 503))
    if code == "AuthorizationHeaderMalformed" or 300 <= status < 400:
        return _elsewhere(text, address, provider)
    if code == "RequestTimeTooSkewed":
        hint = "set the clock of this machine"
        return Fatal(f"{where} refuses the time of the request", hint=hint, kind=Kind.AUTH)
    if code in _WRONG_KEY or status == 401:
        hint = f"check {provider.usual} in the environment"
        return Fatal(f"{where} refuses the credentials ({said})", hint=hint, kind=Kind.AUTH)
    if status == 403:
        hint = "the credentials of the environment must be allowed to list the bucket and read it"
        return Fatal(f"{where} refuses to show {name} ({said})", hint=hint, kind=Kind.PERMISSION)
    if status in (412, 416):
        return changed(name)
    if status in (404, 405, 501) and not code:
        return no_storage(f"{said} is answered", provider)
    return Fatal(f"{where} answers {said} for {name}", kind=Kind.REFUSED)


def _elsewhere(text: str, address: ObjectAddress, provider: Provider) -> Fatal:
    region = _REGION.search(text)
    hint = f"set AWS_REGION={region[1]}" if region else "set AWS_REGION to the one of the bucket"
    return Fatal(
        f"the bucket {address.bucket!r} is in another region",
        hint=hint if provider.title == "S3" else f"check {provider.setting}",
        kind=Kind.REDIRECT,
    )


def no_storage(what: str, provider: Provider) -> Fatal:
    """The error if the server is something else."""
    hint = f"{provider.setting} must lead to the object storage itself"
    return Fatal(
        f"{what}: {provider.shown} is no object storage", hint=hint, kind=Kind.WRONG_SERVER
    )


def _unanswered(text: str, name: str, provider: Provider) -> PulseError:
    where = provider.shown
    system = _SYSTEM.search(text)
    because = f": {system[1]}" if system else ""
    if "kind: Connect" in text:
        return Transient(f"cannot connect to {where}{because}")
    if "kind: Timeout" in text or "TimedOut" in text:
        return Transient(f"{where} did not answer in time", timeout=True)
    if "list response" in text or "Header missing" in text or "Header {" in text:
        return no_storage("the answer is not the expected one", provider)
    if "kind: Interrupted" in text or "kind: Request" in text or "kind: Decode" in text:
        return Transient(f"the connection to {where} broke{because}")
    return Fatal(
        f"no connection to {where} can be made for {name}: a credential or a setting is missing"
        " or is not valid",
        hint=f"check, in the environment: {provider.usual}; {provider.setting}",
        kind=Kind.CONFIG,
    )
