"""How chats are spelled: what is asked can be answered from its passage, and answers are told apart."""

import pytest

from bench.chats.questions import (
    FACTS,
    TOKENS,
    BadAnswer,
    PlainLanguage,
    PlatformLanguage,
    passage,
    sentence,
)
from bench.facts import TENANT, name_of
from connectors.keyring import Keyring
from schemas import (
    Answer,
    AnswerReleased,
    AnswerRetracted,
    Batch,
    QuestionAsked,
    TokensReleased,
    Usage,
    Verdict,
)
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.fakes import a_message
from tests.fakes import a_codec, a_meta

CODEC = a_codec()
ANSWER = Answer(
    text="t",
    usage=Usage(prompt_tokens=1, completion_tokens=1),
    finish_reason="stop",
    question="q",
    query="q",
)


@pytest.mark.parametrize("fact", range(FACTS))
def test_a_passage_says_what_its_question_asks_in_as_many_words_as_all_others(fact):
    assert name_of(fact) in sentence(fact)
    assert len(sentence(fact).split()) == TOKENS
    assert passage(fact).text == sentence(fact)


def test_passages_are_different_and_have_ids_of_their_own():
    assert len({passage(fact).chunk for fact in range(FACTS)}) == FACTS
    assert len({sentence(fact) for fact in range(FACTS)}) == FACTS


def test_a_plain_question_holds_its_passage():
    asking = PlainLanguage("asked", "told").ask(FACTS + 3)
    assert sentence(3) in asking.value.decode()
    assert asking.key == str(FACTS + 3).encode()


@pytest.mark.parametrize(
    ("value", "last", "text", "ends"),
    [(b"A", b"", True, False), (b"", b"", False, False), (b"", b"1", False, True)],
)
def test_a_plain_token_is_told_by_its_key(value, last, text, ends):
    said = PlainLanguage("asked", "told").read(a_message(value, b"17", [("last", last)]))
    assert (said.chat, said.text, said.last) == (17, text, ends)


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path)


@pytest.fixture
def platform(settings):
    return PlatformLanguage(settings, CODEC._ids)


def test_a_question_is_sealed_and_asked_in_a_session_of_its_own(platform, settings):
    asked = [platform.ask(chat) for chat in (1, 1, 2)]
    events = [CODEC.decode(asking.value, QuestionAsked) for asking in asked]
    assert len({event.meta.session for event in events}) == 3
    assert len({event.meta.request for event in events}) == 3
    assert {asking.key for asking in asked} == {TENANT.encode()}
    assert [event.meta.lane for event in events] == [asking.partition for asking in asked]
    text = Keyring(settings).unseal(TENANT, events[2].text).decode()
    assert name_of(2) in text
    assert all(name_of(2).encode() not in asking.value for asking in asked)


def told(platform, event, chat):
    """Ask the question of a chat, and return the record that says something of it."""
    question = CODEC.decode(platform.ask(chat).value, QuestionAsked)
    return a_message(CODEC.encode(stamped(event, a_meta(request=question.meta.request))))


@pytest.mark.parametrize("text", ["", "A yearly"])
def test_released_tokens_are_no_end(platform, text):
    event = TokensReleased(batch=Batch(number=0, last=False), text=text, subject="bench")
    said = platform.read(told(platform, event, 5))
    assert (said.chat, said.text, said.last) == (5, bool(text), False)


def test_a_chat_ends_with_the_stubs_answer(platform):
    verdict = Verdict(allowed=True)
    for chat in (3, FACTS + 3):
        event = AnswerReleased(text=sentence(3), answer=ANSWER, verdict=verdict, subject="bench")
        said = platform.read(told(platform, event, chat))
        assert (said.chat, said.text, said.last) == (chat, True, True)


def test_any_other_end_is_an_error_that_says_what_came(platform):
    verdict = Verdict(allowed=True)
    wrong = AnswerReleased(text=sentence(4), answer=ANSWER, verdict=verdict, subject="bench")
    with pytest.raises(BadAnswer, match="chat 3 ended with AnswerReleased instead"):
        platform.read(told(platform, wrong, 3))
    retracted = AnswerRetracted(reason="r", verdict=verdict, subject="bench")
    with pytest.raises(BadAnswer, match="chat 3 ended with AnswerRetracted"):
        platform.read(told(platform, retracted, 3))


def test_what_nobody_asked_for_is_no_answer(platform):
    event = TokensReleased(batch=Batch(number=0, last=False), text="t", subject="bench")
    with pytest.raises(BadAnswer, match="TokensReleased came for a request that nobody made"):
        platform.read(a_message(CODEC.encode(stamped(event, a_meta(request="another")))))


def test_the_platform_is_asked_and_read_on_its_own_topics(platform):
    assert platform.asked == topic_of(QuestionAsked)
    assert {topic_of(TokensReleased), topic_of(AnswerReleased)} < set(platform.told)
