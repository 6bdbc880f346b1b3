"""Token counts: of whole texts, without the model's own marks."""

from dataclasses import replace
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from connectors.documents.tokens import AT_ONCE, CHARS_AT_ONCE, batched, load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(unit_path_factory):
    """As a model ships it: truncating, padding, and adding marks of its own."""
    path = unit_path_factory.mktemp("model") / "tokenizer.json"
    shipped = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    shipped.pre_tokenizer = Whitespace()
    shipped.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    shipped.enable_truncation(3)
    shipped.enable_padding(length=9)
    shipped.save(str(path))
    return load_tokenizer(path)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_each_text_is_counted_by_itself_and_to_its_end(tokenizer, sizes):
    texts = ["word " * size for size in sizes]
    assert tokenizer.count(texts).counts == tuple(sizes)


def test_many_texts_are_counted_some_at_a_time(tokenizer):
    tokenizers = tokenizer.tokenizer
    sizes = [number % 3 for number in range(2 * AT_ONCE + 1)]
    batches = []

    class NotingTokenizer:
        def encode_batch_fast(self, texts, **how):
            batches.append(len(texts))
            return tokenizers.encode_batch_fast(texts, **how)

    counted = replace(tokenizer, tokenizer=NotingTokenizer()).count(["word " * n for n in sizes])
    assert counted.counts == tuple(sizes)
    assert batches == [AT_ONCE, AT_ONCE, 1]


def test_long_texts_are_counted_a_few_at_a_time():
    half, whole = "x" * (CHARS_AT_ONCE // 2), "x" * (2 * CHARS_AT_ONCE)
    assert list(batched([half, half, "a", whole, "b"])) == [[half, half], ["a"], [whole], ["b"]]
    assert list(batched([])) == []


def test_counts_say_of_which_tokenizer_they_are(tokenizer, tmp_path):
    told = tokenizer.count(["word"]).version
    assert told == tokenizer.count([]).version == tokenizer.version
    assert told.startswith(f"tokenizers {version('tokenizers')}, tokenizer.json ")
    other = tmp_path / "tokenizer.json"
    Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(other))
    assert load_tokenizer(other).version != told


def test_a_tokenizer_that_is_no_tokenizer_is_an_error_at_once(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(Exception, match="Model"):
        load_tokenizer(path)
