"""Count the tokens that the embedder will see of a text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer

from schemas import TokenCounts


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens, and says of which tokenizer."""

    tokenizer: Tokenizer
    version: str
    """Of what runs it, and the beginning of the file's SHA-256."""

    def count(self, texts: list[str]) -> TokenCounts:
        """Count the tokens of each text, the model's own marks left out."""
        encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        counts = tuple(len(encoding) for encoding in encodings)
        return TokenCounts(counts=counts, version=self.version)


def load_tokenizer(path: Path) -> TokenCounter:
    """Load a tokenizer that counts everything: no truncation, no padding."""
    content = path.read_bytes()
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return TokenCounter(tokenizer, f"tokenizers {version('tokenizers')}, tokenizer.json {digest}")
