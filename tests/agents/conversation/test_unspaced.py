"""Unspaced: what Chinese, Japanese and Korean texts name, without a dictionary."""

import pytest

from agents.conversation.unspaced import is_unspaced, stretches


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("北京在哪里?", ["北京"]),
        ("什么是保险?", ["保险"]),
        ("<PERSON_1>的工资是多少?", ["<PERSON_1>", "工资"]),
        ("東京タワーの高さは?", ["東京タワーの高"]),
        ("何ですか、GPU-5は?", ["GPU-5"]),
        ("보험은 무엇입니까?", ["보험"]),
        ("서울에서 부산까지 가나요?", ["서울", "부산"]),
    ],
)
def test_names_are_told_by_how_they_are_written(text, names):
    found = list(stretches(text))
    assert [word for *_, word in found] == names
    assert all(text[start:end] == word for start, end, word in found)


def test_a_text_is_unspaced_by_its_signs():
    assert all(is_unspaced(text) for text in ("a 北", "これ", "보험"))
    assert not is_unspaced("Straße, café, <PERSON_1>")
