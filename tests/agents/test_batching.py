"""Batching: limits of number and of bytes, hit exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batching import NewChunk, batches, new_chunks
from agents.chunking import Chunk


def a_chunk(text):
    return Chunk(first=0, end=1, repeated=(), text=text, tokens=1)


def sizes(texts, chunks_max, bytes_max):
    new = [NewChunk(number, str(number), a_chunk(text)) for number, text in enumerate(texts)]
    return [len(batch) for batch in batches(new, chunks_max, bytes_max)]


@pytest.mark.parametrize(
    ("texts", "chunks_max", "bytes_max", "expected"),
    [
        ([], 2, 10, []),
        (["aaaaa", "bbbbb"], 9, 10, [2]),
        (["aaaaa", "bbbbbb"], 9, 10, [1, 1]),
        (["aaaaa", "bbbbb", "c"], 9, 10, [2, 1]),
        (["ééééé", "b"], 9, 10, [1, 1]),  # bytes, not characters
        (["a"] * 4, 2, 99, [2, 2]),
        (["a"] * 5, 2, 99, [2, 2, 1]),
        (["x" * 50, "y" * 50], 9, 10, [1, 1]),
        (["a", "x" * 50, "b", "c"], 9, 10, [1, 1, 2]),
        (["aaaa", "bbbb", "cccc", "dddd"], 9, 8, [2, 2]),  # each batch counts from nothing
    ],
)
def test_a_batch_is_as_full_as_its_limits_allow(texts, chunks_max, bytes_max, expected):
    assert sizes(texts, chunks_max, bytes_max) == expected


@given(st.lists(st.text("aé", max_size=30), max_size=20), st.integers(1, 5), st.integers(1, 60))
def test_batches_are_all_chunks_in_order_within_the_limits(texts, chunks_max, bytes_max):
    new = [NewChunk(number, str(number), a_chunk(text)) for number, text in enumerate(texts)]
    full = list(batches(new, chunks_max, bytes_max))
    assert [one for batch in full for one in batch] == new
    for batch in full:
        assert 1 <= len(batch) <= chunks_max
        assert len(batch) == 1 or sum(len(one.chunk.text.encode()) for one in batch) <= bytes_max


def test_what_is_kept_is_not_new_and_the_others_keep_their_numbers():
    chunks = [a_chunk(text) for text in "abc"]
    assert new_chunks(["1", "2", "3"], chunks, ["2", "9"]) == (
        NewChunk(0, "1", chunks[0]),
        NewChunk(2, "3", chunks[2]),
    )
