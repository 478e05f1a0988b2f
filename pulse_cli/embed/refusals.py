"""Which error an answer stands for that is not 200. The class of the error decides what happens.

The table follows what text-embeddings-inference really sends (its documentation shows other
statuses). Too large a batch and too long a text are 413 up to version 1.8 and 422 since; their
texts differ. 413 in plain text is the body limit of the web framework. 424 is a failing device,
unless the text says that the model has no embeddings, which no retry can change. Other servers use
the same statuses with an OpenAI-like body.
"""

from __future__ import annotations

import re

from pulse_cli.errors import Fatal, Kind, PulseError, Rejected, Transient
from pulse_cli.net.answer import Answer

_BATCH = re.compile(r"maximum allowed batch size (\d+)")
_TOO_LONG = re.compile(
    r"must have less than \d+ (tokens|characters)|maximum context length|too many tokens"
)
_WRONG_MODEL = re.compile(
    r"not an? (embedding|SPLADE)|SPLADE pooling|classifier model|re-?rank", re.IGNORECASE
)
_KINDS = {300: Kind.REDIRECT, 401: Kind.AUTH, 403: Kind.AUTH, 404: Kind.NOT_FOUND}
_HINTS = {
    300: "set embed.url to the server itself",
    401: "give the server's key: embed.api_key, or PULSE_EMBED__API_KEY in the environment",
    403: "the key may not use this server or model",
    404: "the URL must be the server's root, as in http://HOST:8080; "
    "write openai+http://HOST:PORT/v1 for a server with /v1/embeddings",
    405: "the URL must be the server's root, as in http://HOST:8080",
    415: "a proxy between pulse and the server may change the requests",
}


def refusal(answer: Answer, texts: int) -> PulseError:
    """The error for an answer to a request with `texts` texts."""
    status, where = answer.status, answer.sender.shown
    said = answer.said()
    if status == 429:
        return _overload(answer)
    if status in (400, 413, 422):
        return _refused(answer, texts)
    if status == 424 and _WRONG_MODEL.search(said):
        return Fatal(
            f"{where} serves a model without dense embeddings: {said}",
            hint="point embed.url to a server with an embedding model",
            kind=Kind.MODEL,
        )
    if status in (408, 424, 425) or status >= 500:
        return Transient(
            f"{where} answered {status}: {answer.described()}", retry_after=answer.retry_after
        )
    if status < 300:
        return answer.malformed("status 200 and vectors")
    if 300 <= status < 400:
        status = 300
    # The text of a 401 may repeat part of the key, so it is left out.
    described = (answer.body or status == 300) and status != 401
    words = f": {answer.described()}" if described else ""
    return Fatal(
        f"{where} refuses requests with status {answer.status}{words}",
        hint=_HINTS.get(status, "check embed.url and the server's settings"),
        kind=_KINDS.get(status, Kind.REFUSED),
    )


def _overload(answer: Answer) -> PulseError:
    said = answer.said()
    if "insufficient_quota" in said:
        return Fatal(
            f"{answer.sender.shown} says that the account's quota is used up",
            hint="raise the quota, then run the same command again",
            kind=Kind.QUOTA,
        )
    message = f"{answer.sender.shown} is overloaded: {said}"
    return Transient(message, overload=True, retry_after=answer.retry_after)


def _refused(answer: Answer, texts: int) -> Rejected:
    said, message = answer.said(), f"{answer.sender.shown} refuses: {answer.said()}"
    if batch := _BATCH.search(said):
        return Rejected(message, reason="batch-too-large", max_batch=max(1, int(batch[1])))
    if _TOO_LONG.search(said):
        return Rejected(message, reason="too-long")
    if answer.status == 413:
        half = texts // 2 or None
        return Rejected(message, reason="too-large", max_batch=half)
    if '"Empty"' in said or "cannot be empty" in said:
        return Rejected(message, reason="empty")
    return Rejected(message, reason="refused")
