"""Asian: how questions point back where words are hardly parted."""

import pytest

from agents.conversation.asian import ASIAN, CHINESE, JAPANESE, KOREAN


def test_each_language_is_known_and_none_is_spaced():
    assert [one.language for one in ASIAN] == ["zh", "ja", "ko"]
    assert not any(one.is_spaced for one in ASIAN)


@pytest.mark.parametrize(
    ("grammar", "leaning", "whole"),
    [(CHINESE, "它多少钱?", "保险多少钱?"), (JAPANESE, "それはいくら?", "保険はいくら?"),
     (KOREAN, "그것은 얼마예요?", "보험은 얼마예요?")],
)  # fmt: skip
def test_a_sign_points_back(grammar, leaning, whole):
    assert grammar.sign.search(leaning)
    assert grammar.pronoun_sign.search(leaning)
    assert not grammar.sign.search(whole)


@pytest.mark.parametrize(
    ("grammar", "text"),
    [(CHINESE, "为什么?"), (JAPANESE, "なぜですか?"), (KOREAN, "왜요?")],
)
def test_a_question_for_a_reason(grammar, text):
    assert grammar.why.fullmatch(text)
    assert not grammar.why.fullmatch(f"北{text}")


@pytest.mark.parametrize(
    ("grammar", "text", "number"),
    [(CHINESE, "第二个", 1), (CHINESE, "最后一个", -1), (JAPANESE, "三つ目", 2),
     (JAPANESE, "最後のもの", -1), (KOREAN, "첫 번째 것은", 0), (KOREAN, "마지막", -1)],
)  # fmt: skip
def test_an_item_of_a_list_is_pointed_at(grammar, text, number):
    assert grammar.number_of(grammar.ordinal.search(text)["which"]) == number


@pytest.mark.parametrize(
    ("grammar", "text"),
    [(CHINESE, "什么是保险?"), (JAPANESE, "保険とは何ですか?"), (KOREAN, "보험이란 무엇입니까?")],
)
def test_what_something_is_stands_alone(grammar, text):
    assert grammar.definition.search(text)
