"""Requests to a Qdrant server: one way out, one way errors come back.

Every request has a total deadline from the moment it is sent, answers are capped in size and
never unpacked, redirects are not followed, proxies of the environment are used only when told
to, and neither API key nor user-info of the URL appears in any message. All requests of this
package may be repeated, so one that meets a connection the server had already closed is sent
once more at once. aiohttp and not httpx: its parser is in C, which saves over 2 ms of CPU a
request.
"""

from __future__ import annotations

import asyncio
import base64
import io
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp
import orjson
from yarl import URL

from pulse_cli.errors import Exit, Fatal, PulseError, Transient
from pulse_cli.store.qdrant.statuses import Answer, error_of, read_retry_after

MAX_ANSWER_BYTES = 64 << 20
CONNECT_S = 10.0
LARGE_BYTES = 1 << 20
_STALE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


class Rest:
    """A server and one collection on it."""

    def __init__(
        self,
        url: str,
        collection: str,
        *,
        api_key: str | None,
        timeout: float,
        trust_env: bool,
    ) -> None:
        self.server, headers = split_user_info(url)
        self.collection = collection
        self._path = f"/collections/{quote(collection, safe='')}"
        self._timeout = timeout
        self._secrets = [value.removeprefix("Basic ") for value in headers.values()]
        if api_key:
            headers["api-key"] = api_key
            self._secrets.append(api_key)
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise Fatal("the Qdrant API key holds characters that no header can", kind="auth")
        headers["content-type"] = "application/json"
        headers["accept-encoding"] = "identity"
        self._session = aiohttp.ClientSession(
            headers=headers,
            # Callers limit what is in flight; a request must not wait in a pool of our own,
            # where its deadline would run though it was never sent.
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_S, timeout)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=1 << 20,
            trust_env=trust_env,
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, str] | None = None,
        within: float | None = None,
    ) -> Answer:
        """One answer of any status. `path` is below the collection unless it begins with "/".

        Raises Transient when there is no answer.
        """
        target = path if path.startswith("/") else f"{self._path}/{path}".rstrip("/")
        seconds = within or self._timeout
        try:
            async with asyncio.timeout(seconds):
                try:
                    answer = await self._send(method, target, body, params)
                except _STALE:
                    answer = await self._send(method, target, body, params)
                return self._censored(answer)
        except TimeoutError:
            text = f"Qdrant at {self.server} did not answer within {seconds:g} s"
            raise Transient(text, timeout=True) from None
        except aiohttp.ClientError as error:
            raise self._unreachable(error) from error

    def _censored(self, answer: Answer) -> Answer:
        """A server's words without our credentials, should it repeat them."""
        error = answer.error
        for secret in self._secrets:
            error = error.replace(secret, "***")
        return replace(answer, error=error) if answer.error else answer

    async def _send(
        self, method: str, target: str, body: bytes | None, params: Mapping[str, str] | None
    ) -> Answer:
        url = URL(self.server + target, encoded=True)
        # a large body goes out in pieces, so that it does not hold the loop up
        data = io.BytesIO(body) if body is not None and len(body) > LARGE_BYTES else body
        async with self._session.request(
            method, url, data=data, params=params, allow_redirects=False
        ) as response:
            received = bytearray()
            async for part in response.content.iter_any():
                received += part
                if len(received) > MAX_ANSWER_BYTES:
                    text = f"the answer is larger than {MAX_ANSWER_BYTES >> 20} MiB"
                    return Answer(response.status, None, text)
            return _read(response, bytes(received))

    def _unreachable(self, error: aiohttp.ClientError) -> PulseError:
        name = type(error).__name__
        text = f"Qdrant at {self.server} cannot be reached: {str(error) or name}"
        if _certificate_trouble(error):
            hint = "its certificate is not trusted here: check the address and SSL_CERT_FILE"
            return Fatal(text, hint=hint, kind="tls")
        if isinstance(error, aiohttp.InvalidURL):
            return Fatal(text, hint="check --qdrant", kind="usage")
        return Transient(text)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """The `result` of a successful answer. Raises what `error_of` makes of any other."""
        data = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        return self.result(await self.ask(method, path, data, params=params), f"{method} {path}")

    async def update(self, method: str, path: str, body: Any) -> None:
        """A write, awaited until the server has logged and applied it."""
        result = await self.call(method, path, body, params={"wait": "true"})
        self.completed(result)

    def result(self, answer: Answer, what: str) -> Any:
        if answer.error:
            raise error_of(answer, what, self.server, self.collection)
        return answer.result

    def completed(self, result: Any) -> None:
        """Raises Transient unless the write is `completed`: it may be repeated."""
        status = result.get("status") if isinstance(result, dict) else None
        if status != "completed":
            text = f"Qdrant at {self.server} has not completed a write yet ({status})"
            raise Transient(text, timeout=status == "wait_timeout")

    async def close(self) -> None:
        await self._session.close()


def _read(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    status = response.status
    retry_after = read_retry_after(response.headers)
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":  # unpacked, it could be of any size
        return Answer(status, None, f"compressed ({encoding}) though not asked to", retry_after)
    try:
        found = orjson.loads(body)
    except ValueError:
        shown = body[:200].decode(errors="replace").strip() or "an empty body"
        return Answer(status, None, f"not an answer of Qdrant: {shown}", retry_after)
    state = found.get("status") if isinstance(found, dict) else None
    if status == 200 and state == "ok":
        return Answer(status, found.get("result"))
    if status == 200 and isinstance(found, dict) and "version" in found:  # GET /
        return Answer(status, found)
    error = state.get("error") if isinstance(state, dict) else None
    return Answer(status, None, str(error or body[:200].decode(errors="replace")), retry_after)


def split_user_info(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user-info and final slash, and the header that says the same."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Fatal(
            "the address of the Qdrant server must read http(s)://host:port",
            hint="check --qdrant",
            kind="usage",
            exit_code=Exit.USAGE,
        )
    host = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    if parts.username is None:
        return plain, {}
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return plain, {"authorization": f"Basic {base64.b64encode(secret).decode()}"}


def _certificate_trouble(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
