"""The real tokenizer inside the simulated server: nanotoken on a model's tokenizer.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nanotoken import Tokenizer


class WordPiece:
    def __init__(self, tokenizer_json: bytes) -> None:
        self._tokenizer = Tokenizer.from_json(tokenizer_json)
        specials = {int(i) for i in self._tokenizer.encode("")}
        self._specials = specials

    def count(self, texts: Sequence[bytes]) -> list[int]:
        """Tokens of each UTF-8 text, special tokens included."""
        batch = self._tokenizer.encode_batch(list(texts), parallel=False)
        return [int(n) for n in batch.lengths]

    def tokens(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[list[Any]]:
        """As `POST /tokenize` answers, but for the offsets, which are null."""
        batch = self._tokenizer.encode_batch_list(
            list(texts), add_special_tokens=add_special_tokens, parallel=False
        )
        return [[self._token(i) for i in row] for row in batch]

    def _token(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "text": self._tokenizer.id_to_token(number),
            "special": number in self._specials,
            "start": None,
            "stop": None,
        }
