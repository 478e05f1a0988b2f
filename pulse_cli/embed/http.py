"""One HTTP exchange with an embedding server: bounded in time and size, errors translated.

Guarantees: an exchange ends within its deadline, counted from the moment it is sent (timeouts
per read are outlived by a server that drips); an answer is never larger
in memory than `MAX_ANSWER`, because compressed answers are neither asked for nor unpacked;
redirects are not followed; credentials live in a header only, so that no URL, message or
log line can show them; and nothing but Transient and Fatal leaves here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from pulse_cli.errors import Fatal, Transient

MAX_ANSWER = 64 << 20
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. `shown` is for messages: without user-info and query."""

    base: str
    shown: str
    query: str = field(default="", repr=False)
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @staticmethod
    def parse(url: str, api_key: str | None) -> Address:
        """User-info becomes a Basic authorization unless there is a key. Raises Fatal."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            (host or "").encode("idna")
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise Fatal(
                "the address of the embedding server is not an http(s) URL",
                hint="write it as http://HOST:PORT",
                kind="bad-embed-url",
            )
        where = f"[{host}]" if ":" in host else host
        where += "" if port is None else f":{port}"
        base = urlunsplit((parts.scheme, where, parts.path.rstrip("/"), "", ""))
        authorization = f"Bearer {_checked(api_key)}" if api_key else None
        secrets = [_checked(api_key)] if api_key else []
        if authorization is None and parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            authorization = f"Basic {credentials}"
            secrets = [one for one in (credentials, password) if one]
        return Address(base, base, parts.query, authorization, tuple(secrets))

    def url(self, path: str) -> str:
        return self.base + path + (f"?{self.query}" if self.query else "")

    def headers(self) -> dict[str, str]:
        extra = {"authorization": self.authorization} if self.authorization else {}
        return {**_HEADERS, **extra}

    def censored(self, text: str) -> str:
        """A server's words without our credentials, should it repeat them."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are looked up without regard to case; `sender` is who answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sender: Address

    def said(self) -> str:
        """The beginning of the body, printable, for error messages."""
        text = self.body[:2000].decode("utf-8", "replace")
        text = "".join(c if c.isprintable() else " " for c in text)
        return self.sender.censored(text).strip()[:300]


class Endpoint:
    """A server's address with its pool of connections. `timeout` is per exchange, total.

    aiohttp and not httpx, because its parser is in C: an answer of 32 vectors costs 0.3 ms of
    CPU instead of 1.2, and one core has to keep a large GPU fed.
    """

    def __init__(
        self, address: Address, *, timeout: float, connect_timeout: float, trust_env: bool
    ) -> None:
        """Make it inside a running event loop."""
        self.address = address
        self.timeout = timeout
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            headers=address.headers(),
            # The caller limits what is in flight; a request must not wait in our own pool,
            # where its deadline would run though it was never sent.
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=1 << 20,
            trust_env=trust_env,
        )

    async def get(self, path: str) -> Answer:
        """Raises Transient, Fatal."""
        return await self._exchange("GET", path, None)

    async def post(self, path: str, body: bytes) -> Answer:
        """Raises Transient, Fatal."""
        return await self._exchange("POST", path, body)

    async def answers(self, path: str, statuses: range) -> bool:
        """Whether GET `path` answers with one of the statuses within 5 s. Never raises."""
        if self._session.closed:
            return False
        try:
            async with asyncio.timeout(min(5.0, self.timeout)):
                return (await self.get(path)).status in statuses
        except (Transient, Fatal, TimeoutError):
            return False

    async def close(self) -> None:
        await self._session.close()

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Answer:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.address.url(path))
        chunks: list[bytes] = []
        size = 0
        with _translated(self.address, self.timeout):
            async with (
                asyncio.timeout(self.timeout),
                self._session.request(method, url, data=body, allow_redirects=False) as response,
            ):
                check_encoding(response.headers, self.address)
                async for chunk in response.content.iter_any():
                    chunks.append(chunk)
                    size += len(chunk)
                    check_size(size, self.address)
        return Answer(response.status, response.headers, b"".join(chunks), self.address)


@contextlib.contextmanager
def _translated(address: Address, timeout: float) -> Iterator[None]:
    """Turn what aiohttp and the deadline raise into Transient and Fatal."""
    where = address.shown
    try:
        yield
    except aiohttp.ConnectionTimeoutError:
        raise Transient(f"{where} does not accept connections in time") from None
    except TimeoutError:
        raise Transient(f"{where} did not answer in {timeout:g} s", timeout=True) from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Fatal(
            f"the certificate of {where} is not trusted: {error.certificate_error}",
            hint="set SSL_CERT_FILE to the authority that signed it",
            kind="untrusted-certificate",
        ) from None
    except aiohttp.ClientConnectorError as error:
        reason = str(error.os_error)
        if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
            hint = "write http:// instead of https://"
            raise Fatal(f"{where} does not speak TLS", hint=hint, kind="no-tls") from None
        raise Transient(f"cannot connect to {where}: {reason}") from None
    except (aiohttp.ClientError, OSError) as error:
        what = address.censored(str(error)) or type(error).__name__
        raise Transient(f"the connection to {where} broke: {what}") from None


def _checked(api_key: str) -> str:
    key = api_key.strip()
    if not (key.isascii() and key.isprintable()):
        raise Fatal(
            "the key of the embedding server holds characters that no HTTP header can",
            hint="look for line ends or quotes pasted with it",
            kind="bad-api-key",
        )
    return key


def check_encoding(headers: Mapping[str, str], address: Address) -> None:
    """Raises Transient for a compressed answer, whose size could be anything."""
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Transient(f"{address.shown} answered compressed ({encoding}) though not asked to")


def check_size(size: int, address: Address) -> None:
    """Raises Transient for an answer that is already too large."""
    if size > MAX_ANSWER:
        raise Transient(f"{address.shown} answered with more than {MAX_ANSWER >> 20} MiB")
