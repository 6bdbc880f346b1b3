"""Count the tokens that the embedder will see of a text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer

from schemas import TokenCounts

AT_ONCE = 4_096  # texts: what the tokenizer says of one takes near a kilobyte until it is counted


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens, and says of which tokenizer."""

    tokenizer: Tokenizer
    version: str
    """Of what runs it, and the beginning of the file's SHA-256."""

    def count(self, texts: list[str]) -> TokenCounts:
        """Count the tokens of each text, the model's own marks left out."""
        encode = self.tokenizer.encode_batch_fast
        batches = (texts[at : at + AT_ONCE] for at in range(0, len(texts), AT_ONCE))
        counts = tuple(
            len(encoding)
            for batch in batches
            for encoding in encode(batch, add_special_tokens=False)
        )
        return TokenCounts(counts=counts, version=self.version)


def load_tokenizer(path: Path) -> TokenCounter:
    """Load a tokenizer that counts everything: no truncation, no padding."""
    content = path.read_bytes()
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return TokenCounter(tokenizer, f"tokenizers {version('tokenizers')}, tokenizer.json {digest}")
