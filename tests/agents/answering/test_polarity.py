"""Polarity: negating words are counted, and a verdict is told."""

import pytest

from agents.answering.polarity import is_verdict, negations


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It does not run.", 1),
        ("It doesn't run, nor walk.", 2),
        ("Es läuft nicht ohne Strom.", 2),
        ("Il ne court pas.", 2),
        ("Nunca corre sin agua.", 2),
        ("A notable knot.", 0),
        ("", 0),
    ],
)
def test_negating_words_are_counted(text, count):
    assert negations(text) == count


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes, it does.", True),
        (" No. It can't.", True),
        ("Nein – das geht nicht.", True),
        ("Sí: funciona.", True),
        ("No dog may enter.", False),
        ("Yesterday, it did.", False),
        ("It does, yes.", False),
    ],
)
def test_a_verdict_begins_a_sentence_and_a_mark_follows(text, verdict):
    assert is_verdict(text) is verdict
