"""A simulated text-embeddings-inference server: its HTTP surface, limits and errors.

Faithful to the server's source (router/src/http/server.rs, core/src/infer.rs) in what a
client can see: one permit per text; from 1.9 on a request that finds too few permits is
refused at once and whole, before that batches wait; oversized batches and texts are 422
from 1.9 on and 413 before; refusals of the web framework are plain text, those of TEI are
JSON; the key guards everything but health; `x-*` headers carry times in milliseconds.

Simplified: a request gives its permits back all together, and vectors carry no meaning.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from pulse_cli.simulators.device import Device, Timing, device_for
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import PLAIN, Request, Response
from pulse_cli.simulators.permits import NoPermit, Permits
from pulse_cli.simulators.profiles import TeiModel
from pulse_cli.simulators.vectors import VectorPool, spoil_rows
from pulse_cli.simulators.wordpiece import WordPiece

_STATUS = {"Empty": 400, "Validation": 422, "Tokenizer": 422, "Overloaded": 429}
_PUBLIC = ("/", "/health", "/ping")


class _Refused(Exception):
    """An error of the server: its type and text, in its own JSON."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Work:
    texts: list[bytes]
    tokens: list[int]
    timing: Timing
    seconds: float


class TeiService:
    """What `GET /_sim/stats` tells is in `stats`. Make it inside a running event loop."""

    def __init__(self, model: TeiModel, tokenizer: WordPiece | None = None) -> None:
        """Without a tokenizer, tokens are guessed from length and only characters limited."""
        self.model = model
        self._tokenizer = tokenizer
        self._new_rules = tuple(int(n) for n in model.version.split(".")[:2]) >= (1, 9)
        self._vectors = VectorPool(model.dimension)
        self._device: Device = device_for(model)
        self._permits = Permits(model.max_concurrent_requests, waits=not self._new_rules)
        self._prompt = model.default_prompt.encode()
        self.reset()

    def reset(self) -> None:
        self._requests = self._inputs = self._overloaded = self._errors = 0
        self._tokenize_requests = self._tokens = 0
        self._permits.most_used = 0
        self._started = time.monotonic()
        self._device.reset()

    def stats(self) -> dict[str, Any]:
        """Counts of embed requests since `reset`; `busy` is the share of all places."""
        seconds = time.monotonic() - self._started
        busy_s = self._device.busy_s()
        full = self._requests * self.model.max_client_batch_size
        return {
            "seconds": seconds,
            "requests": self._requests,
            "inputs": self._inputs,
            "tokens": self._tokens,
            "fill": self._inputs / full if full else 0.0,
            "overloaded": self._overloaded,
            "errors": self._errors,
            "tokenize_requests": self._tokenize_requests,
            "inputs_in_flight": self._permits.used,
            "max_inputs_in_flight": self._permits.most_used,
            "places": self._device.places,
            "busy_s": busy_s,
            "busy": busy_s / (seconds * self._device.places) if seconds else 0.0,
        }

    async def handle(self, request: Request) -> Response:
        if request.method == "GET" and request.path in _PUBLIC:
            return Response(body=b"")
        key = self.model.api_key
        if key is not None and request.headers.get("authorization") != f"Bearer {key}":
            return Response(401, b"", {})
        if request.method == "GET" and request.path == "/info":
            return Response(body=orjson.dumps(self._info()))
        routes = {
            "/embed": self._embed,
            "/tokenize": self._tokenize,
            "/embeddings": self._openai,
            "/v1/embeddings": self._openai,
        }
        route = routes.get(request.path)
        if route is None or request.method != "POST":
            return Response(404, b"", {})
        body = self._read(request)
        if isinstance(body, Response):
            return body
        try:
            return await route(body, request.factor)
        except NoPermit:
            overloaded = _Refused("Overloaded", "Model is overloaded")
            return self._error(overloaded, openai=route == self._openai)
        except _Refused as error:
            return self._error(error, openai=route == self._openai)

    def spoil(self, fault: Fault, response: Response) -> Response:
        if response.status != 200:
            return response
        value = orjson.loads(response.body)
        rows = [orjson.dumps(row) for row in value] if isinstance(value, list) else []
        if rows:
            return replace(response, body=_join(spoil_rows(fault.kind, rows)))
        rows = [orjson.dumps(item["embedding"]) for item in value["data"]]
        return replace(response, body=_openai_body(spoil_rows(fault.kind, rows), 0, ""))

    def _info(self) -> dict[str, Any]:
        m = self.model
        return {
            "model_id": m.model_id,
            "model_sha": None,
            "model_dtype": "float16",
            **({"served_model_name": m.model_id} if self._new_rules else {}),
            "model_type": {"embedding": {"pooling": "mean"}},
            "max_concurrent_requests": m.max_concurrent_requests,
            "max_input_length": m.max_input_length,
            "max_batch_tokens": m.max_batch_tokens,
            "max_batch_requests": m.max_batch_requests,
            "max_client_batch_size": m.max_client_batch_size,
            "auto_truncate": m.auto_truncate,
            "tokenization_workers": 3,
            "version": m.version,
            "sha": None,
            "docker_label": None,
        }

    # --- requests ---

    def _read(self, request: Request) -> dict[str, Any] | Response:
        """The JSON body, or the refusal of the web framework (axum), which is plain text."""
        if len(request.body) > self.model.payload_limit:
            text = b"Failed to buffer the request body: length limit exceeded"
            return Response(413, text, PLAIN)
        if not request.headers.get("content-type", "").startswith("application/json"):
            text = b"Expected request with `Content-Type: application/json`"
            return Response(415, text, PLAIN)
        try:
            body = orjson.loads(request.body)
        except ValueError as error:
            text = f"Failed to parse the request body as JSON: {error}".encode()
            return Response(400, text, PLAIN)
        if not isinstance(body, dict):
            text = b"Failed to deserialize the JSON body into the target type"
            return Response(422, text, PLAIN)
        return body

    def _texts(self, value: Any) -> list[str]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise _Refused("Validation", "inputs: expected a string or an array of strings")
        limit = self.model.max_client_batch_size
        if not texts:
            raise _Refused("Empty", "`inputs` cannot be empty")
        if len(texts) > limit:
            text = f"batch size {len(texts)} > maximum allowed batch size {limit}"
            raise _Refused("Validation", text)
        return texts

    def _error(self, error: _Refused, *, openai: bool) -> Response:
        status = _STATUS[error.kind]
        if status == 422 and not self._new_rules:
            status = 413
        text = str(error)
        body: dict[str, Any] = {"error": text, "error_type": error.kind}
        if openai:
            body = {"message": text, "code": status, "type": error.kind}
        self._errors += error.kind != "Overloaded"
        self._overloaded += error.kind == "Overloaded"
        return Response(status, orjson.dumps(body))

    async def _embed(self, body: dict[str, Any], factor: float) -> Response:
        texts = self._texts(body.get("inputs"))
        truncate = body.get("truncate")
        work = await self._work(
            texts, self.model.auto_truncate if truncate is None else truncate, factor
        )
        rows = [self._vectors.json(text) for text in work.texts]
        return Response(200, _join(rows), self._headers(work))

    async def _openai(self, body: dict[str, Any], factor: float) -> Response:
        texts = self._texts(body.get("input"))
        work = await self._work(texts, self.model.auto_truncate, factor)
        rows = [self._vectors.json(text) for text in work.texts]
        answer = _openai_body(rows, sum(work.tokens), self.model.model_id)
        return Response(200, answer, self._headers(work))

    async def _tokenize(self, body: dict[str, Any], _factor: float) -> Response:
        self._tokenize_requests += 1
        texts = self._texts(body.get("inputs"))
        if self._tokenizer is None:
            return Response(404, b"", {})
        if not all(texts):
            raise _Refused("Empty", "`inputs` cannot be empty")
        self._check_characters(texts)
        special = body.get("add_special_tokens", True)
        prompted = [self.model.default_prompt + text for text in texts]
        rows = self._tokenizer.tokens(prompted, add_special_tokens=special)
        return Response(200, orjson.dumps(rows))

    def _headers(self, work: _Work) -> dict[str, str]:
        total, timing = _ms(work.seconds), work.timing
        return {
            "content-type": "application/json",
            "x-compute-type": "gpu+optimized",
            "x-compute-time": total,
            "x-compute-characters": str(sum(map(len, work.texts))),
            "x-compute-tokens": str(sum(work.tokens)),
            "x-total-time": total,
            "x-tokenization-time": _ms(timing.tokenize_s),
            "x-queue-time": _ms(timing.queue_s),
            "x-inference-time": _ms(timing.work_s),
        }

    # --- work ---

    async def _work(self, texts: Sequence[str], truncate: bool, factor: float) -> _Work:
        begun = time.perf_counter()
        async with self._permits.of(len(texts)):
            raw = [self._prompt + text.encode() for text in texts]
            tokens, refused = self._count(texts, raw, truncate)
            # TEI finds a bad text in its workers: the others are computed all the same.
            timing = await self._device.run(tokens, factor) if tokens else Timing()
            if refused is not None:
                raise refused
        self._requests += 1
        self._inputs += len(texts)
        self._tokens += sum(tokens)
        return _Work(raw, tokens, timing, time.perf_counter() - begun)

    def _count(
        self, texts: Sequence[str], raw: list[bytes], truncate: bool
    ) -> tuple[list[int], _Refused | None]:
        """Tokens of the texts that are taken, and the first refusal among the others."""
        if not all(texts):
            taken = [len(r) // 4 + 2 for r, text in zip(raw, texts, strict=True) if text]
            return taken, _Refused("Empty", "`inputs` cannot be empty")
        try:
            if not truncate:
                self._check_characters(texts)
        except _Refused as error:
            return [], error
        limit = self.model.max_input_length
        if self._tokenizer is None:
            return [min(limit, len(r) // 4 + 2) for r in raw], None
        counts = self._tokenizer.count(raw)
        if truncate:
            return [min(n, limit) for n in counts], None
        for n in counts:
            if n > limit:
                text = f"`inputs` must have less than {limit} tokens. Given: {n}"
                refused = _Refused("Validation", f"Input validation error: {text}")
                return [n for n in counts if n <= limit], refused
        return counts, None

    def _check_characters(self, texts: Sequence[str]) -> None:
        limit = self.model.max_input_length * 250
        longest = max(map(len, texts))
        if longest > limit:
            text = f"`inputs` must have less than {limit} characters. Given: {longest}"
            raise _Refused("Validation", f"Input validation error: {text}")


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))


def _join(rows: list[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


def _openai_body(rows: list[bytes], tokens: int, model: str) -> bytes:
    items = [
        b'{"object":"embedding","embedding":' + row + b',"index":' + str(i).encode() + b"}"
        for i, row in enumerate(rows)
    ]
    usage = orjson.dumps({"prompt_tokens": tokens, "total_tokens": tokens})
    head = b'{"object":"list","model":' + orjson.dumps(model) + b',"usage":' + usage
    return head + b',"data":[' + b",".join(items) + b"]}"
