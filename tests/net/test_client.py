"""The client against servers that keep, close and break connections in every way, over TCP."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pulse_cli.errors import AnswerTooLarge, Fatal, Malformed, PulseError, Transient
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.blocking import connection
from pulse_cli.net.client import Client

SERVICE = Peer("the service", "service.url", "service.api_key")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class OneHandler:
    """A server made of one handler per connection; `connections` counts them."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read one request: its head, and its body by Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return head


@asynccontextmanager
async def served(handler: Handler, **options: Any) -> AsyncIterator[tuple[Client, OneHandler]]:
    peer = OneHandler(handler)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = Address.parse(f"http://127.0.0.1:{port}", SERVICE)
    client = Client(address, **{"timeout": 5.0, **options})
    try:
        yield client, peer
    finally:
        await client.close()
        server.close()


async def closes_after_each_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Closes without having said `Connection: close`."""
    await request(reader)
    writer.write(OK)
    await writer.drain()


async def resets_when_used_again(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await closes_after_each_answer(reader, writer)
    await request(reader)
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def breaks_off_when_used_again(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await closes_after_each_answer(reader, writer)
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2")
    await writer.drain()


@pytest.mark.parametrize(
    "handler", [closes_after_each_answer, resets_when_used_again, breaks_off_when_used_again]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_that_takes_one_request_a_connection_is_served(
    handler: Handler, method: str
) -> None:
    async with served(handler) as (client, _):
        for _ in range(5):
            await asyncio.gather(*(client.ask(method, "/", b"{}") for _ in range(4)))
            answers = [await client.ask(method, "/", b"{}") for _ in range(4)]
            assert [answer.body for answer in answers] == [b"{}"] * 4


async def test_a_new_connection_that_breaks_is_not_tried_again() -> None:
    async def breaks(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request(reader)

    async with served(breaks) as (client, peer):
        with pytest.raises(Transient, match=r"the connection to the service at .* broke"):
            await client.post("/", b"{}")
        assert peer.connections == 1


async def test_a_connection_is_kept_and_used_again() -> None:
    async def keeps(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK)

    async with served(keeps) as (client, peer):
        for _ in range(5):
            await client.post("/", b"{}")
        assert peer.connections == 1


@pytest.mark.parametrize(
    "written", [b"SSH-2.0-OpenSSH_9.6\r\n", b"-ERR unknown command\r\n", b"\0"]
)
async def test_a_server_that_does_not_speak_http_is_said_to_be_one(written: bytes) -> None:
    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(written)
        await writer.drain()

    async with served(other) as (client, _):
        with pytest.raises(Malformed, match=r"the service at .* does not speak HTTP"):
            await client.get("/")
        with pytest.raises(Fatal) as error, client.first_contact():
            await client.get("/")
    assert "service.url" in error.value.hint


async def test_a_server_that_speaks_tls_only_is_said_to_be_one() -> None:
    """What OpenSSL writes when it reads `POST / HTTP/1.1`: an alert, `unexpected message`."""

    async def alerts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(b"\x15\x03\x01\x00\x02\x02\x0a")
        await writer.drain()

    async with served(alerts) as (client, _):
        with pytest.raises(Fatal, match="speaks TLS only") as error:
            await client.post("/", b"{}")
    assert "https://" in error.value.hint


async def test_a_server_without_tls_is_said_to_be_one() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with served(refuses) as (client, _):
        url = client.address.base.replace("http", "https")
        tls = Client(Address.parse(url, SERVICE), timeout=5)
        with pytest.raises(Fatal, match="does not speak TLS") as error:
            await tls.get("/")
        await tls.close()
    assert "service.url with http://" in error.value.hint


@pytest.mark.parametrize("dripping", [True, False])
async def test_the_deadline_counts_from_sending_to_the_last_byte(dripping: bool) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while dripping:
            writer.write(b" ")
            await asyncio.sleep(0.01)
        await reader.read()

    async with served(slow, timeout=0.2) as (client, _):
        with pytest.raises(Transient, match=r"did not answer in 0\.2 s") as error:
            await client.get("/")
        assert error.value.timeout


@pytest.mark.parametrize(
    ("head", "body", "error"),
    [
        (b"Content-Encoding: gzip\r\n", b"\x1f\x8b", Malformed),
        (b"", b" " * 2_000, AnswerTooLarge),
    ],
)
async def test_an_answer_that_could_fill_the_memory_is_not_read(
    head: bytes, body: bytes, error: type[PulseError]
) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        size = f"Content-Length: {len(body)}\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + size + body)
        await writer.drain()

    async with served(answers, max_answer=1_000) as (client, _):
        with pytest.raises(error):
            await client.get("/")


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 307 X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with served(redirects) as (client, peer):
        assert (await client.get("/")).status == 307
        assert peer.connections == 1


async def test_a_proxy_of_the_environment_counts_only_when_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(closes_after_each_answer) as (client, peer):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert (await client.get("/")).status == 200
        proxied = Client(client.address, timeout=5, trust_env=True)
        with pytest.raises(Transient, match="cannot connect"):
            await proxied.get("/")
        await proxied.close()
        assert peer.connections == 1


async def test_a_large_body_arrives_whole() -> None:
    received: list[int] = []

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        received.append(len(await reader.readexactly(length)))
        writer.write(OK)
        await writer.drain()

    async with served(counts) as (client, _):
        await client.post("/", b"x" * 5_000_000)
    assert received == [5_000_000]


async def test_threads_ask_without_an_event_loop() -> None:
    async with served(closes_after_each_answer) as (client, _):

        def asks() -> list[bytes]:
            with connection(lambda: Client(client.address, timeout=5)) as ask:
                return [ask("POST", "/", b"{}").body for _ in range(3)]

        assert (
            await asyncio.gather(*(asyncio.to_thread(asks) for _ in range(4))) == [[b"{}"] * 3] * 4
        )
