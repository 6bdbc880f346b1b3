"""Languages, told by script and by common words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.conversation.grammars import grammar_of
from agents.conversation.languages import CHARACTERS_MAX, GRAMMARS, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How wide is the radio dish?", "en"),
        ("Wie breit ist die Schüssel?", "de"),
        ("Warum?", "de"),
        ("Quelle est la largeur de l'antenne ?", "fr"),
        ("¿Cuánto cuesta un billete?", "es"),
        ("Quanto costa un biglietto per gli adulti?", "it"),
        ("Quanto custa um bilhete para não residentes?", "pt"),
        ("Hoeveel kost een kaartje voor het museum?", "nl"),
        ("停车证怎么申请?", "zh"),
        ("駐車許可証はどこで申請しますか?", "ja"),
        ("주차권은 어디에서 신청하나요?", "ko"),
        ("أين محطة الحافلات؟", "ar"),
        ("Где находится автобус?", "ru"),
        ("Що це?", "ru"),
        ("Ці квитки?", "uk"),
        ("Πού είναι το λιμάνι;", "el"),
        ("Oslo?", ""),
        ("<PERSON_1>?", ""),
        ("", ""),
        ("1911", ""),
    ],
)
def test_a_language_is_told_by_its_script_or_words(text, language):
    assert language_of(text) == language


def test_only_the_beginning_of_a_text_is_read():
    assert language_of("x " * (CHARACTERS_MAX // 2) + "warum") == ""


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["Oslo?", "Bergen?", "Wo ist der Pier?"], "de"),
        (["Oslo?", "Where is it?", "Wo ist der Pier?"], "en"),
        (["Где?"], "ru"),
        (["Oslo?"], ""),
    ],
)
def test_the_grammar_is_that_of_the_newest_text_whose_language_is_known(texts, language):
    assert grammar_of(texts[0], texts[1:]).language == language


def test_english_is_assumed_where_nobody_knows():
    assert grammar_of("Oslo?", []).function == GRAMMARS["en"].function
    assert not grammar_of("Где?", []).is_known


@given(st.text(max_size=60))
def test_any_text_has_a_grammar(text):
    assert grammar_of(text, []).language == language_of(text)
