"""A tokenizer that needs no part: words between white space are tokens."""

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from streams.settings import Settings


def with_words_tokenizer(settings: Settings, folder: Path) -> Settings:
    """Write the tokenizer into a folder; return settings that name it."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return replace(settings, tokenizer=str(path))
