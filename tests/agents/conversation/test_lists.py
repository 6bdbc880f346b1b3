"""Lists that a question points into."""

import pytest

from agents.conversation.english import ENGLISH
from agents.conversation.european import GERMAN
from agents.conversation.exchanges import Exchange
from agents.conversation.languages import GRAMMARS
from agents.conversation.lists import items, picked


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "Kinds:\n1. The memory cache\n2) The disk cache: slow\n",
            ["The memory cache", "The disk cache"],
        ),
        ("- **Alpha** – the first\n- **Beta**\n", ["Alpha", "Beta"]),
        ("You can export to Parquet, Avro or JSON Lines.", ["Parquet", "Avro", "JSON Lines"]),
        ("The seals are red and blue.", ["red", "blue"]),
        ("The office answers within four hours, on weekends within a day and a half or so.", []),
        ("1. Only one", []),
        (f"The signs are {', '.join('a' * 20)}.", ["a"] * 20),
        (f"The signs are {', '.join('a' * 21)}.", []),
        ("The ferry of Tern Sound leaves at noon.", []),
        ("It opens at six.", []),
        ("", []),
    ],
)
def test_an_answer_enumerates_by_lines_or_within_a_sentence(answer, expected):
    assert items(answer) == expected


LISTED = Exchange("Which caches?", "1. The memory cache\n2. The disk cache\n3. The shared cache")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How large is the second one?", "How large is the disk cache?"),
        ("How do I clear the first?", "How do I clear the memory cache?"),
        ("Is the last slow?", None),
        ("Is the last one slow?", "Is the shared cache slow?"),
        ("How large is the fifth one?", None),
        ("What is the first month?", None),
        (
            "Which of them is best?",
            "Which of The memory cache, The disk cache and The shared cache is best?",
        ),
        ("Who keeps them?", None),
    ],
)
def test_the_item_that_is_pointed_to_takes_the_words_place(question, expected):
    found = picked(question, LISTED, ENGLISH)
    assert (found and found[0]) == expected


def test_an_opener_before_it_leaves_the_question_cut_short():
    assert picked("And the last one?", LISTED, ENGLISH) == ("And the shared cache?", False)


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("Wie groß ist der zweite?", "de", "Wie groß ist Beta?"),
        ("第二个多大?", "zh", "Beta多大?"),
        ("두 번째는 얼마나 커요?", "ko", "Beta는 얼마나 커요?"),
    ],
)
def test_other_languages_point_by_their_own_words(question, language, expected):
    listed = Exchange("?", "- Alpha\n- Beta\n- Gamma")
    assert picked(question, listed, GRAMMARS[language])[0] == expected


def test_nothing_is_picked_from_an_answer_without_a_list():
    assert picked("Wie groß ist der zweite?", Exchange("Was?", "Ein Pier."), GERMAN) is None
