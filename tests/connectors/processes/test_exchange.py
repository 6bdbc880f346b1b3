"""The words of a process come out as they went in."""

import pytest

from connectors.processes.exchange import (
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Broken,
    NotLoaded,
    Ready,
    answer_of,
    frame,
    framed,
)


@pytest.mark.parametrize(
    "word",
    [
        Ready(),
        NotLoaded("install it"),
        AnswerPart(b"part"),
        AnswerEnd(grown=False),
        AnswerEnd(grown=True),
        Broken("memory"),
        Broken("error", "KeyError at x.py:1"),
    ],
)
def test_a_word_comes_out_as_it_went_in(word):
    framed_word = framed(word)
    (length,) = LENGTH.unpack(framed_word[: LENGTH.size])
    assert len(framed_word) == LENGTH.size + length
    assert answer_of(framed_word[LENGTH.size :]) == word


def test_a_frame_says_how_long_its_body_is():
    assert frame(b"") == bytes(4)
    assert frame(b"abc") == b"\0\0\0\3abc"
