"""What pulse and the processes it starts have in common: messages, surroundings, signals.

A frame is two little-endian lengths (4 bytes header, 8 bytes body), a JSON header and a raw
body. Nothing in it is code, so reading a frame can run nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
from pathlib import Path
from typing import Any, BinaryIO

import orjson

import pulse_cli

MESSAGE_LENGTHS = struct.Struct("<IQ")
PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl(2), Linux only


def pack_message(header: Any, body: bytes | memoryview = b"") -> bytes:
    """One frame. Raises TypeError for what JSON cannot say (a lone surrogate, say)."""
    text = orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join((MESSAGE_LENGTHS.pack(len(text), len(body)), text, body))


def read_message(stream: BinaryIO) -> tuple[Any, bytes] | None:
    """The next frame of a blocking stream, None at its end."""
    lengths = stream.read(MESSAGE_LENGTHS.size)
    if len(lengths) < MESSAGE_LENGTHS.size:
        return None
    header_length, body_length = MESSAGE_LENGTHS.unpack(lengths)
    header = stream.read(header_length)
    body = stream.read(body_length)
    if len(header) < header_length or len(body) < body_length:
        return None
    return orjson.loads(header), body


def widen(pipe: int) -> None:
    """Let the pipe hold a whole request, where the system allows it: fewer turns for each."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, PIPE_BYTES)


def environment() -> dict[str, str]:
    """What a process needs to find Python and this package; no secret of ours among it."""
    root = str(Path(pulse_cli.__file__).resolve().parent.parent)
    kept = {
        name: os.environ[name]
        for name in ("PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR")
        if name in os.environ
    }
    search = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(search)}


def ignore_signals() -> None:
    """For a process that ends when pulse does: Ctrl-C in a terminal is for pulse alone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
