"""Sends the summary of a run to the URL or the command of the settings.

Guarantees: it takes a minute at most, whatever the receiver does. A failure changes nothing in the
outcome of the run. The URL, which may hold a token, is in no message. A command is run without a
shell and gets the summary on its standard input; its output is dropped.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pulse_cli.config.address import command_words
from pulse_cli.errors import Fatal, Transient
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.client import Client

if TYPE_CHECKING:
    from pulse_cli.config import Settings

URL_SECONDS, COMMAND_SECONDS = 10.0, 60.0
_PEER = Peer("the address", "run.notify", "run.notify")


async def notify(settings: Settings, summary: bytes) -> str | None:
    """Send the summary (one JSON object). Returns what went wrong, or None."""
    target = settings.run.notify
    if target is None:
        return None
    text = target.get_secret_value()
    if text.startswith(("http://", "https://")):
        return await _post(text, summary, trust_env=settings.network.trust_env)
    return await _run(command_words(text), summary)


async def _post(url: str, summary: bytes, *, trust_env: bool) -> str | None:
    address = Address.parse(url, _PEER)
    client = Client(address, timeout=URL_SECONDS, trust_env=trust_env)
    try:
        answer = await client.post("", summary)
    except (Transient, Fatal) as error:
        return str(error).replace(f" at {address.base}", "")
    finally:
        await client.close()
    return None if answer.status // 100 == 2 else f"the address answered {answer.status}"


async def _run(
    words: Sequence[str], summary: bytes, seconds: float = COMMAND_SECONDS
) -> str | None:
    nowhere = asyncio.subprocess.DEVNULL
    # A file, not a pipe: writing to a pipe fails when the command ends without reading it.
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(summary)
            stdin.seek(0)
            process = await asyncio.create_subprocess_exec(
                *words, stdin=stdin, stdout=nowhere, stderr=nowhere, start_new_session=True
            )
    except OSError as error:
        return f"{words[0]} cannot be run: {error.strerror}"
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return f"{words[0]} did not end in {seconds:g} s"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return None if process.returncode == 0 else f"{words[0]} ended with {process.returncode}"
