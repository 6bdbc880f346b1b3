"""Count the tokens that the embedder will see of a text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer

from schemas import TokenCounts

AT_ONCE = 4_096  # texts
CHARS_AT_ONCE = 262_144
"""Of several texts: what the tokenizer says of a token takes near a kilobyte for a moment."""


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens, and says of which tokenizer."""

    tokenizer: Tokenizer
    version: str
    """Of what runs it, and the beginning of the file's SHA-256."""

    def count(self, texts: list[str]) -> TokenCounts:
        """Count the tokens of each text, the model's own marks left out."""
        encode = self.tokenizer.encode_batch_fast
        counts = tuple(
            len(encoding)
            for batch in batched(texts)
            for encoding in encode(batch, add_special_tokens=False)
        )
        return TokenCounts(counts=counts, version=self.version)


def batched(texts: list[str]) -> Iterator[list[str]]:
    """Part texts into batches that are counted at once; a long text is one of its own."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == AT_ONCE or chars + len(text) > CHARS_AT_ONCE):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch


def load_tokenizer(path: Path) -> TokenCounter:
    """Load a tokenizer that counts everything: no truncation, no padding."""
    content = path.read_bytes()
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return TokenCounter(tokenizer, f"tokenizers {version('tokenizers')}, tokenizer.json {digest}")
