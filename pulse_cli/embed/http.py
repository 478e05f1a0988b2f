"""One HTTP exchange with an embedding server: bounded in time and size, errors translated.

Guarantees: an exchange ends within its deadline, counted from the moment it is sent (httpx's
own timeouts are per read, and a server that drips outlives them); an answer is never larger
in memory than `MAX_ANSWER`, because compressed answers are neither asked for nor unpacked;
redirects are not followed; credentials live in a header only, so that no URL, message or
log line can show them; and nothing but Transient and Fatal leaves here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

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

    @staticmethod
    def parse(url: str, api_key: str | None) -> Address:
        """User-info becomes a Basic authorization unless there is a key. Raises Fatal."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise Fatal(
                "the address of the embedding server is not an http(s) URL",
                hint="write it as http://HOST:PORT",
                kind="bad-embed-url",
            )
        where = f"[{host}]" if ":" in host else host
        where += f":{port}" if port else ""
        base = urlunsplit((parts.scheme, where, parts.path.rstrip("/"), "", ""))
        authorization = f"Bearer {_checked(api_key)}" if api_key else None
        if authorization is None and parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            authorization = f"Basic {credentials}"
        return Address(base, base, parts.query, authorization)

    def url(self, path: str) -> httpx.URL:
        return httpx.URL(self.base + path + (f"?{self.query}" if self.query else ""))

    def headers(self) -> dict[str, str]:
        extra = {"authorization": self.authorization} if self.authorization else {}
        return {**_HEADERS, **extra}

    def censored(self, text: str) -> str:
        """A server's words without our credentials, should it repeat them."""
        if self.authorization:
            text = text.replace(self.authorization.partition(" ")[2], "***")
        return text


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are lower-case; `sender` is the address as it may be shown."""

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
    """A server's address with its pool of connections. `timeout` is per exchange, total."""

    def __init__(
        self, address: Address, *, timeout: float, connect_timeout: float, trust_env: bool
    ) -> None:
        self.address = address
        self.timeout = timeout
        self._client = httpx.AsyncClient(
            headers=address.headers(),
            timeout=httpx.Timeout(timeout, connect=connect_timeout, pool=None),
            # The caller limits what is in flight; a request must not wait in our own pool,
            # where its deadline would run though it was never sent.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=128),
            follow_redirects=False,
            trust_env=trust_env,
        )
        self._urls: dict[str, httpx.URL] = {}

    async def get(self, path: str) -> Answer:
        """Raises Transient, Fatal."""
        return await self._exchange("GET", path, None)

    async def post(self, path: str, body: bytes) -> Answer:
        """Raises Transient, Fatal."""
        return await self._exchange("POST", path, body)

    async def answers(self, path: str, statuses: range) -> bool:
        """Whether GET `path` answers with one of the statuses within 5 s. Never raises."""
        if self._client.is_closed:
            return False
        try:
            async with asyncio.timeout(min(5.0, self.timeout)):
                return (await self.get(path)).status in statuses
        except (Transient, Fatal, TimeoutError):
            return False

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Answer:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self.address.url(path)
        request = self._client.build_request(method, url, content=body)
        chunks: list[bytes] = []
        size = 0
        with translated(self.address, self.timeout):
            async with asyncio.timeout(self.timeout):
                response = await self._client.send(request, stream=True)
                try:
                    _check_encoding(response, self.address)
                    async for chunk in response.aiter_raw():
                        chunks.append(chunk)
                        size += len(chunk)
                        _check_size(size, self.address)
                finally:
                    await response.aclose()
        return Answer(response.status_code, response.headers, b"".join(chunks), self.address)


class BlockingEndpoint:
    """The same for worker threads; its deadline is looked at between two reads."""

    def __init__(
        self, address: Address, *, timeout: float, connect_timeout: float, trust_env: bool
    ) -> None:
        self.address = address
        self._timeout = timeout
        self._client = httpx.Client(
            headers=address.headers(),
            timeout=httpx.Timeout(timeout, connect=connect_timeout, pool=None),
            follow_redirects=False,
            trust_env=trust_env,
        )

    def post(self, path: str, body: bytes) -> Answer:
        """Raises Transient, Fatal."""
        deadline = time.monotonic() + self._timeout
        request = self._client.build_request("POST", self.address.url(path), content=body)
        chunks: list[bytes] = []
        size = 0
        with translated(self.address, self._timeout):
            response = self._client.send(request, stream=True)
            try:
                _check_encoding(response, self.address)
                for chunk in response.iter_raw():
                    chunks.append(chunk)
                    size += len(chunk)
                    _check_size(size, self.address)
                    if time.monotonic() > deadline:
                        raise TimeoutError
            finally:
                response.close()
        return Answer(response.status_code, response.headers, b"".join(chunks), self.address)

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def translated(address: Address, timeout: float) -> Iterator[None]:
    """Turn what httpx and the deadline raise into Transient and Fatal."""
    try:
        yield
    except httpx.ConnectTimeout:
        raise Transient(f"{address.shown} does not accept connections in time") from None
    except (httpx.TimeoutException, TimeoutError):
        raise Transient(f"{address.shown} did not answer in {timeout:g} s", timeout=True) from None
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Fatal(
                f"the certificate of {address.shown} is not trusted",
                hint="set SSL_CERT_FILE to the authority that signed it",
                kind="untrusted-certificate",
            ) from None
        if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            raise Fatal(
                f"{address.shown} does not speak TLS", hint="write http://", kind="no-tls"
            ) from None
        raise Transient(f"cannot connect to {address.shown}: {error}") from None
    except httpx.HTTPError as error:
        what = address.censored(str(error)) or type(error).__name__
        raise Transient(f"the connection to {address.shown} broke: {what}") from None


def _checked(api_key: str) -> str:
    key = api_key.strip()
    if not (key.isascii() and key.isprintable()):
        raise Fatal(
            "the key of the embedding server holds characters that no HTTP header can",
            hint="look for line ends or quotes pasted with it",
            kind="bad-api-key",
        )
    return key


def _check_encoding(response: httpx.Response, address: Address) -> None:
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Transient(f"{address.shown} answered compressed ({encoding}) though not asked to")


def _check_size(size: int, address: Address) -> None:
    if size > MAX_ANSWER:
        raise Transient(f"{address.shown} answered with more than {MAX_ANSWER >> 20} MiB")
