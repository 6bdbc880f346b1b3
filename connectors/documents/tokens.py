"""Count the tokens that the embedder will see of a text."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from schemas import TokenCounts


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer that counts everything: no truncation, no padding."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> TokenCounts:
    """Count the tokens of each text, the model's own marks left out."""
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return TokenCounts(counts=tuple(len(encoding) for encoding in encodings))
