"""HTTP exchanges with one service: bounded in time and size, errors translated.

Guarantees:

- An exchange ends within its deadline, counted from the moment it is sent. (A timeout per read
  does not end an answer that comes byte by byte.)
- An answer takes no more memory than allowed: compressed answers are neither requested nor
  unpacked.
- Redirects are not followed. Proxies of the environment are used only with `trust_env`.
- Credentials are sent in headers only, so no URL, message or log line can show them.
- Only Transient and Fatal are raised.

All requests of pulse can be repeated. Servers close idle connections, and some close each one
after its first answer without saying so. So a request that fails on a connection which was used
before is sent again at once, on a new connection.

Why aiohttp and not httpx: its parser is in C. An answer of 32 vectors costs 0.3 ms of CPU instead
of 1.2, and one core has to keep a large GPU busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from pulse_cli.errors import AnswerTooLarge, Fatal, Kind, Malformed, Transient
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.download import Download

MAX_ANSWER = 64 << 20
CONNECT_S = 5.0
LARGE_BODY = 1 << 20
_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
}
_TLS_ALERT = "\\x15\\x03"


class Client:
    """Connections to one address. `timeout` is in seconds, for a whole exchange."""

    def __init__(
        self,
        address: Address,
        *,
        timeout: float,
        connect_timeout: float = CONNECT_S,
        trust_env: bool = False,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        """Make it inside a running event loop."""
        self.address = address
        self.timeout = timeout
        self._connect_timeout = min(connect_timeout, timeout)
        self._trust_env = trust_env
        self._max_answer = max_answer
        self._pooled = self._session(reuse=True)
        self._single: aiohttp.ClientSession | None = None

    async def get(self, path: str, *, within: float | None = None) -> Answer:
        """Raises Transient, Fatal."""
        return await self.ask("GET", path, within=within)

    async def post(self, path: str, body: bytes) -> Answer:
        """Raises Transient, Fatal."""
        return await self.ask("POST", path, body)

    async def ask(
        self, method: str, path: str, body: bytes | None = None, *, within: float | None = None
    ) -> Answer:
        """The answer, whatever its status. `within`: seconds, in place of `timeout`.

        Raises Transient where there is no answer, Fatal where repeating cannot help.
        """
        seconds = within or self.timeout
        url = URL(self.address.url(path), encoded=True)
        with self.translated(seconds):
            async with asyncio.timeout(seconds):
                sent = SimpleNamespace(reused=False)
                try:
                    return await self._exchange(self._pooled, method, url, body, sent)
                except _BROKEN:
                    if not sent.reused:
                        raise
                if self._single is None:
                    self._single = self._session(reuse=False)
                return await self._exchange(self._single, method, url, body, sent)

    async def download(self, path: str, headers: Mapping[str, str]) -> Download:
        """The beginning of an answer whose body is read piece by piece. Raises Transient, Fatal."""
        url = URL(self.address.url(path), encoded=True)
        with self.translated(self.timeout):
            async with asyncio.timeout(self.timeout):
                response = await self._pooled.get(
                    url,
                    headers={"accept": "*/*", **headers},
                    allow_redirects=False,
                    trace_request_ctx=SimpleNamespace(),
                )
        return Download(response, self)

    async def answers(self, path: str, statuses: range, within: float = 5.0) -> bool:
        """Whether GET `path` answers with one of the statuses in time. Never raises."""
        if self._pooled.closed:
            return False
        try:
            return (await self.get(path, within=min(within, self.timeout))).status in statuses
        except (Transient, Fatal):
            return False

    @contextlib.contextmanager
    def first_contact(self) -> Iterator[None]:
        """Context for the first requests: a malformed answer means that this is another service.

        Raises Fatal in place of Malformed.
        """
        try:
            yield
        except Malformed as error:
            raise wrong_server(error, self.address.peer) from None

    async def close(self) -> None:
        await self._pooled.close()
        if self._single is not None:
            await self._single.close()

    def _session(self, *, reuse: bool) -> aiohttp.ClientSession:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            headers={**_HEADERS, **self.address.headers},
            # The caller limits the requests in flight. A request must not wait in the pool of
            # connections, where its deadline would pass before it is sent.
            connector=aiohttp.TCPConnector(limit=0, force_close=not reuse),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=1 << 20,
            trust_env=self._trust_env,
            trace_configs=[tracing] if reuse else None,
        )

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        body: bytes | None,
        sent: SimpleNamespace,
    ) -> Answer:
        # a large body is sent in pieces, so that it does not block the event loop
        data = io.BytesIO(body) if body is not None and len(body) > LARGE_BODY else body
        async with session.request(
            method, url, data=data, allow_redirects=False, trace_request_ctx=sent
        ) as response:
            where = self.address.shown
            encoding = response.headers.get("content-encoding", "identity")
            if encoding != "identity":
                raise Malformed(f"{where} answered compressed ({encoding}) though not asked to")
            received = bytearray()
            async for part in response.content.iter_any():
                received += part
                if len(received) > self._max_answer:
                    raise AnswerTooLarge(f"{where} answered with over {self._max_answer:,} bytes")
        return Answer(response.status, response.headers, bytes(received), self.address)

    @contextlib.contextmanager
    def translated(self, seconds: float) -> Iterator[None]:
        """Context that turns the errors of aiohttp and of the deadline into Transient or Fatal."""
        where, peer = self.address.shown, self.address.peer
        try:
            yield
        except aiohttp.ConnectionTimeoutError:
            raise Transient(f"{where} does not accept connections in time") from None
        except TimeoutError:
            raise Transient(f"{where} did not answer in {seconds:g} s", timeout=True) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise Fatal(
                f"the certificate of {where} is not trusted: {error.certificate_error}",
                hint=f"check {peer.url_setting}; SSL_CERT_FILE names another authority",
                kind=Kind.TLS,
            ) from None
        except aiohttp.ClientConnectorError as error:
            reason = str(error.os_error)
            if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
                hint = f"write {peer.url_setting} with http:// instead of https://"
                raise Fatal(f"{where} does not speak TLS", hint=hint, kind=Kind.TLS) from None
            raise Transient(f"cannot connect to {where}: {reason}") from None
        except aiohttp.ClientResponseError as error:
            raise self._not_http(error.message) from None
        except (aiohttp.ClientError, OSError) as error:
            what = self.address.censored(str(error)) or type(error).__name__
            raise Transient(f"the connection to {where} broke: {what}") from None

    def _not_http(self, message: str) -> Fatal | Malformed:
        where, peer = self.address.shown, self.address.peer
        if _TLS_ALERT in message:
            hint = f"write {peer.url_setting} with https:// instead of http://"
            return Fatal(f"{where} speaks TLS only", hint=hint, kind=Kind.TLS)
        return Malformed(f"{where} does not speak HTTP")


def wrong_server(error: Malformed, peer: Peer) -> Fatal:
    """The Fatal for a malformed answer while a service is being opened."""
    hint = f"{peer.url_setting} leads to something else; give the address of the service itself"
    return Fatal(str(error), hint=hint, kind=Kind.WRONG_SERVER)


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    context.trace_request_ctx.reused = True
