"""Tokenizers of each kind, as `tokenizer.json`; the small ones are trained here on made-up text."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from pulse_cli.prepare import HARD_SAMPLE, vendored_tokenizer

# The pre-tokenizer of the Qwen family, which the fast BPE counter knows by its pattern.
_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _corpus() -> list[str]:
    random_ = random.Random(7)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(random_.choices(syllables, k=random_.randint(1, 4))) for _ in range(800)]
    texts = [" ".join(random_.choices(words, k=30)) + ".\n" for _ in range(300)]
    return [*texts, *HARD_SAMPLE]


@functools.cache
def bpe() -> bytes:
    """Byte-level BPE that ends each text with a special token, as Qwen embedders do."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        show_progress=False,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    end = tokenizer.token_to_id("<|end|>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", special_tokens=[("<|end|>", end)]
    )
    return tokenizer.to_str().encode()


@functools.cache
def unigram() -> bytes:
    """SentencePiece-like Unigram (E5, BGE-M3), which no fast counter knows."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=1000,
        show_progress=False,
        special_tokens=["<s>", "</s>", "<unk>"],
        unk_token="<unk>",
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=ids
    )
    return tokenizer.to_str().encode()


KINDS: dict[str, Callable[[], bytes]] = {
    "wordpiece": vendored_tokenizer,
    "bpe": bpe,
    "unigram": unigram,
}


def changed(tokenizer_json: bytes, **fields: Any) -> bytes:
    """The same file with other top-level fields."""
    return json.dumps(json.loads(tokenizer_json) | fields).encode()


@functools.cache
def reference(tokenizer_json: bytes, special: bool = False) -> Callable[[str], int]:
    """Counts one text with the library that defines what is right."""
    tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=special).ids)
