"""Plain arithmetic: what is one, what isn't, and how numbers are meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.number_style import NumberStyle, number_style
from agents.tools.plain_arithmetic import CHARACTERS_MAX, plain_arithmetic


@pytest.mark.parametrize(
    ("question", "language", "expression"),
    [
        ("What is 17.5 % of 2,340?", "en", "17.5 % of 2340"),
        ("How much is 12 * 49.90 + 3?", "en", "12 * 49.90 + 3"),
        ("What's the result of (3+4)x12, please?", "en", "(3+4) * 12"),
        ("please calculate 20 percent of 50", "en", "20 % of 50"),
        ("12 divided by 4 plus 3 times 2", "en", "12 / 4 + 3 * 2"),
        ("What is 5 squared?", "en", "5 ^ 2"),
        ("how much is 9/11?", "en", "9/11"),
        ("12*3 = ?", "en", "12 * 3"),
        ("Wie viel ist 17,5 % von 2.340?", "de", "17.5 % of 2340"),
        ("Was ergibt 3 mal 4 hoch 2?", "de", "3 * 4 ^ 2"),
        ("Rechne 3 plus 4 aus", "de", "3 + 4"),
        ("wie viel ergibt 12 : 4?", "de", "12 / 4"),
        ("Combien font 12 × 49,90 + 3 ?", "fr", "12 * 49.90 + 3"),
        ("Combien fait 15 pour cent de 2 340 ?", "fr", "15 % of 2340"),
        ("¿Cuánto es el 15 % de 300?", "es", "15 % of 300"),
        ("¿Cuánto es 15 por 300?", "es", "15 * 300"),
    ],
)
def test_arithmetic_is_read_in_words_and_in_signs(question, language, expression):
    assert plain_arithmetic(question, language).expression == expression


@pytest.mark.parametrize(
    "question",
    [
        "What is 9/11?",
        "What is 24/7?",
        "1990 - 2000",
        "555-1234",
        "What is 2024-11-28?",
        "What is 1/2/2024?",
        "What is 12:30 - 11:15?",
        "What is 10 %?",
        "What is -5?",
        "What is 3 - 1 of 5?",
        "How much is 12 * 49.90 € + 3?",
        "How much is 15 % of $80?",
        "How much is 12 eggs plus 3?",
        "How much is the fee times 3?",
        "How much is <PERSON_1> + 3?",
        "What is 0x10 + 1?",
        "What is 1.2.3 - 1?",
        "How much is it?",
        "",
        "1+" * CHARACTERS_MAX + "1",
    ],
)
def test_what_may_be_asked_of_anything_is_none(question):
    assert plain_arithmetic(question, "en") is None


@pytest.mark.parametrize(
    ("numbers", "language", "style"),
    [
        (["2,340"], "en", NumberStyle(".", ",")),
        (["2,340"], "de", NumberStyle(",", ".")),
        (["2.340", "17,5"], "en", NumberStyle(",", ".")),
        (["2,340", "17.5"], "de", NumberStyle(".", ",")),
        (["1,234,567"], "de", NumberStyle(".", ",")),
        (["2 340", "49,90"], "fr", NumberStyle(",", " ")),
        (["2’340.50"], "de", NumberStyle(".", "’")),
        (["12345"], "en", NumberStyle(".", "")),
        (["0,340"], "en", NumberStyle(",", ".")),
        (["2340,500"], "en", NumberStyle(",", ".")),
        (["1.5", "1,5"], "en", None),
        (["1,234.567,8"], "en", None),
        (["12,34,567"], "en", None),
    ],
)
def test_each_number_tells_how_the_others_are_meant(numbers, language, style):
    assert number_style(numbers, language) == style


@pytest.mark.parametrize(
    ("style", "value", "written"),
    [
        (NumberStyle(".", ","), "1234567.5", "1,234,567.5"),
        (NumberStyle(",", "."), "-1234.25", "-1.234,25"),
        (NumberStyle(",", "\u202f"), "999", "999"),
        (NumberStyle(".", ""), "1234567", "1234567"),
    ],
)
def test_a_value_is_written_as_the_person_writes(style, value, written):
    assert style.written(value) == written
    assert style.plain(written.removeprefix("-")) == value.removeprefix("-")


@given(
    st.text("0123456789.,'’ +-*/^%()=?xof", max_size=80), st.sampled_from(["en", "de", "fr", ""])
)
def test_no_text_breaks_the_reading(question, language):
    read = plain_arithmetic(question, language)
    assert read is None or set(read.expression) <= set("0123456789.+-*/^%() of")
