"""Counts tokens exactly as a model's `tokenizer.json` makes them, as fast as can be.

`nanotoken` (WordPiece) and `gigatoken` (BPE) are 10 to 50 times as fast as `tokenizers`,
the reference, but young. So neither is believed: it must load the very file, give the
reference's counts on every text of `HARD_SAMPLE`, and is pinned. Otherwise the reference
counts, and a note says so. Truncation and padding that a file asks for are switched off:
a count must be that of the whole text.

All counters may be called from several threads; they release the GIL and work on the
calling thread only. The caches of nanotoken are bounded to a few megabytes per thread.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.prepare.hard_sample import HARD_SAMPLE

if TYPE_CHECKING:
    from pulse_cli.ports import TokenCounter

# Of 32 bytes, in two levels, for each thread: fewer than the words of a large corpus cost
# half the speed, the library's own million take 130 MB a thread.
_CACHE_ENTRIES = 1 << 17


def vendored_tokenizer() -> bytes:
    """The `tokenizer.json` of sentence-transformers/all-MiniLM-L6-v2 (see minilm/NOTICE)."""
    return (Path(__file__).parent / "minilm" / "tokenizer.json").read_bytes()


def open_counter(tokenizer_json: bytes | str | Path) -> tuple[TokenCounter, str | None]:
    """Open the fastest counter for this tokenizer (its contents, or the path of a file).

    The second value is a line for the user if it had to be a slow one. Raises ValueError
    if it is no tokenizer, OSError if the file cannot be read.
    """
    import orjson

    if isinstance(tokenizer_json, Path):
        tokenizer_json = tokenizer_json.read_bytes()
    description = _describe(tokenizer_json)
    canonical = orjson.dumps(description, option=orjson.OPT_SORT_KEYS).decode()
    kind = _kind(description["model"])
    name = f"{kind.lower()}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"
    breaks = _breaks(description)
    count, special = _open_tokenizers(canonical)
    reference = _Counter(name, count, special, breaks)
    opener = _FAST.get(kind)
    if opener is None:
        return reference, f"no fast token counter knows {kind} tokenizers: chunking is slower"
    try:
        fast = _Counter(name, opener(canonical), special, breaks)
        wrong = differing(fast, reference)
    except BaseException as error:
        # A panic in Rust is no Exception. Whatever goes wrong there, the reference counts.
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        return reference, f"the fast token counter refuses this tokenizer ({cause}): slower"
    if wrong is not None:
        return reference, f"the fast token counter is wrong about {wrong!r}: slower"
    return fast, None


class _Counter:
    """A `TokenCounter` around a function that counts a batch without special tokens.

    `breaks` are characters beside which a text can be cut without changing the count: it is
    the sum of those of the parts. Empty where nothing is known of the tokenizer.
    """

    def __init__(
        self,
        name: str,
        count: Callable[[list[str]], list[int]],
        special: int,
        breaks: frozenset[str],
    ) -> None:
        self._name = name
        self._count = count
        self._special = special
        self._breaks = breaks

    @property
    def name(self) -> str:
        return self._name

    @property
    def special(self) -> int:
        return self._special

    @property
    def breaks(self) -> frozenset[str]:
        return self._breaks

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._count(list(texts)) if texts else []


def _describe(tokenizer_json: bytes | str) -> dict[str, Any]:
    import orjson

    try:
        description = orjson.loads(tokenizer_json)
    except ValueError as error:
        raise ValueError(f"not a tokenizer.json: {error}") from None
    if not isinstance(description, dict) or not isinstance(description.get("model"), dict):
        raise ValueError('not a tokenizer.json: it has no "model"')
    return description | {"truncation": None, "padding": None}


def _kind(model: dict[str, Any]) -> str:
    """The type of a model; old files leave it to be seen from the fields."""
    if "type" in model:
        return str(model["type"])
    return "BPE" if "merges" in model else "WordPiece"


def _breaks(description: dict[str, Any]) -> frozenset[str]:
    """The characters that end every token beside them, for BERT's own pipeline.

    `BertNormalizer` works on single characters, `BertPreTokenizer` drops white space and
    makes a token of each ASCII symbol and punctuation mark, those of CJK listed here among
    them; only an added token reaches across one, if it holds it.
    """
    steps = [(description.get(step) or {}).get("type") for step in ("normalizer", "pre_tokenizer")]
    if (_kind(description["model"]), *steps) != (
        "WordPiece",
        "BertNormalizer",
        "BertPreTokenizer",
    ):
        return frozenset()
    added = (str(token.get("content")) for token in description.get("added_tokens") or [])
    return frozenset(
        " \t\n" + string.punctuation.replace("_", "") + "\u3002\u3001\uff01\uff1f\uff0c\uff1a\uff1b"
    ).difference(*added)


def _open_tokenizers(canonical: str) -> tuple[Callable[[list[str]], list[int]], int]:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(canonical)
    except Exception as error:  # the library raises nothing more precise
        raise ValueError(f"not a tokenizer.json: {error}") from None

    def count(texts: list[str]) -> list[int]:
        return [len(each) for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return count, tokenizer.num_special_tokens_to_add(is_pair=False)


def _open_nanotoken(canonical: str) -> Callable[[list[str]], list[int]]:
    import nanotoken
    import numpy as np

    nanotoken.set_cache_entries(_CACHE_ENTRIES)
    tokenizer = nanotoken.WordPieceTokenizer.from_json(canonical)

    def count(texts: list[str]) -> list[int]:
        _, offsets = tokenizer.encode_batch(texts, add_special_tokens=False, parallel=False)
        if len(texts) == 1:
            return [int(offsets[1])]
        return np.diff(offsets).tolist()  # type: ignore[no-any-return]

    return count


def _open_gigatoken(canonical: str) -> Callable[[list[str]], list[int]]:
    import gigatoken
    import numpy as np

    tokenizer = gigatoken.Tokenizer.from_json(canonical)

    def count(texts: list[str]) -> list[int]:
        rows = tokenizer.encode_batch(texts, parallel=False)
        return np.diff(np.asarray(rows.layout.offsets)).tolist()  # type: ignore[no-any-return]

    return count


_FAST = {"WordPiece": _open_nanotoken, "BPE": _open_gigatoken}


def differing(fast: TokenCounter, reference: TokenCounter) -> str | None:
    """The beginning of the first text of the hard sample that the two count differently."""
    # Alone and together: batches take other paths through the fast libraries.
    joined = "\n".join(HARD_SAMPLE)
    for texts in ([*HARD_SAMPLE], [joined], ["".join(HARD_SAMPLE)]):
        for text, mine, theirs in zip(
            texts, fast.count(texts), reference.count(texts), strict=True
        ):
            if mine != theirs:
                return text[:40]
    return None
