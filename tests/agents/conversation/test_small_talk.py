"""Small talk, told from questions."""

import pytest

from agents.conversation.small_talk import CHARACTERS_MAX, FILLERS_MAX, small_talk
from agents.conversation.small_talk_phrases import FILLERS, PHRASES

LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "zh", "ja", "ko"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi", "greeting"),
        ("Hello again, how are you?", "greeting"),
        ("HELLO!!! 👋", "greeting"),
        ("Hi, I’m <PERSON_1>.", "greeting"),
        ("Thanks a lot, bye!", "goodbye"),
        ("Thank you so much for your help!", "thanks"),
        ("Hi, what can you do?", "identity"),
        ("That’s wrong.", "complaint"),
        ("Great!", "praise"),
        ("Great, thanks", "thanks"),
        ("Guten Tag", "greeting"),
        ("Merci beaucoup !", "thanks"),
        ("¿Quién eres?", "identity"),
        ("Arrivederci", "goodbye"),
        ("Muito obrigada!", "thanks"),
        ("Dank je wel", "thanks"),
        ("谢谢 你!", "thanks"),
        ("您好，你是谁？", "identity"),
        ("ありがとうございます。", "thanks"),
        ("안녕하세요!", "greeting"),
    ],
)
def test_small_talk_is_told_by_kind(text, kind):
    assert small_talk(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "Hi! How do I export the log?",
        "Thanks, and the price?",
        "Hallo, wann öffnet der Pier?",
        "你好，停车证怎么申请？",
        "Oslo?",
        "Why?",
        "No.",
        "<PERSON_1>?",
        "",
        "👍",
        "so very much",
        "help me export",
        "Perfect forward secrecy",
        "Who are you calling when the pier is closed?",
    ],
)
def test_a_question_is_none(text):
    assert small_talk(text) is None


@pytest.mark.parametrize("kind", PHRASES)
def test_each_kind_is_known_in_each_language(kind):
    assert set(PHRASES[kind]) == LANGUAGES == set(FILLERS)


@pytest.mark.parametrize("kind", PHRASES)
def test_each_phrase_is_recognised_in_its_language(kind):
    for language, phrases in PHRASES[kind].items():
        for phrase in phrases.split("|"):
            assert language in small_talk(phrase).languages, phrase


def test_its_language_is_the_one_that_is_spoken_or_the_first_it_may_be_in():
    found = small_talk("super")
    assert set(found.languages) > {"de", "fr"}
    assert found.language("de") == "de"
    assert found.language("ko") == found.languages[0]


def test_a_long_text_and_one_of_many_fillers_is_a_question():
    assert small_talk("thanks " * (CHARACTERS_MAX // 7)) is not None
    assert small_talk("thanks " * (CHARACTERS_MAX // 7) + "thanks") is None
    assert small_talk("thanks" + " so" * FILLERS_MAX) is not None
    assert small_talk("thanks" + " so" * (FILLERS_MAX + 1)) is None
