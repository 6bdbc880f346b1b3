"""The reader's language."""

import pytest

from agents.reader_language import in_language, reader_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the fee of the course?", "en"),
        ("Wie hoch ist die Gebühr, und wer zahlt sie?", "de"),
        ("Quel est le prix du cours et qui le paie?", "fr"),
        ("¿Cuál es el precio del curso y quién lo paga?", "es"),
        ("<PERSON_1>?", "en"),
        ("", "en"),
        ("Koliko stoji?", "en"),
    ],
)
def test_a_language_is_told_by_its_commonest_words(text, language):
    assert reader_language(text) == language


def test_where_a_language_has_no_sentence_the_english_one_is_said():
    sentences = {"en": "No.", "de": "Nein."}
    assert in_language(sentences, "Wie hoch ist die Gebühr?") == "Nein."
    assert in_language(sentences, "Quel est le prix du cours ?") == "No."
