"""Questions that were cut short, corrections, and questions for a reason."""

import pytest

from agents.conversation.ellipsis import because, corrected, event_of, filled
from agents.conversation.english import ENGLISH
from agents.conversation.exchanges import Exchange
from agents.conversation.languages import GRAMMARS

LIMIT = Exchange("What is the baggage limit for Lisbon?")


@pytest.mark.parametrize(
    ("before", "question", "query"),
    [
        (LIMIT, "And for Oslo?", "What is the baggage limit for Oslo?"),
        (LIMIT, "What about Oslo?", "What is the baggage limit for Oslo?"),
        (LIMIT, "Oslo?", "What is the baggage limit for Oslo?"),
        (LIMIT, "And for children?", "What is the baggage limit for Lisbon for children?"),
        (LIMIT, "And the size limit?", "What is the size limit for Lisbon?"),
        (Exchange("When does it open in May?"), "And in winter?", "When does it open in winter?"),
        (Exchange("What did <PERSON_1> say?"), "And <PERSON_2>?", "What did <PERSON_2> say?"),
        (Exchange("What does <PERSON_1> owe?"), "And <IBAN_1>?", ""),
        (
            Exchange("Is a vessel of 10 metres free?"),
            "And 15 metres?",
            "Is a vessel of 15 metres free?",
        ),
        (LIMIT, "What about it?", ""),
        (LIMIT, "And?", ""),
        (LIMIT, "And what is the fee for a bag that weighs more than that limit in Oslo now?", ""),
        (LIMIT, "Who sells it?", ""),
    ],
)
def test_what_corresponds_gives_way_to_what_is_asked_for(before, question, query):
    assert filled(question, before, ENGLISH) == query


@pytest.mark.parametrize(
    ("language", "before", "question", "query"),
    [
        (
            "de",
            "Was kostet ein Zimmer in Bergen?",
            "Und in Oslo?",
            "Was kostet ein Zimmer in Oslo?",
        ),
        ("fr", "Quel est le prix pour Paris ?", "Et pour Lyon ?", "Quel est le prix pour Lyon ?"),
        ("es", "¿Qué cuesta en mayo?", "¿Y en invierno?", "¿Qué cuesta en invierno?"),
        ("it", "Quanto costa per Roma?", "E per Milano?", "Quanto costa per Milano?"),
        ("pt", "Quanto custa para Lisboa?", "E para Faro?", "Quanto custa para Faro?"),
        ("nl", "Wat is de prijs voor Utrecht?", "En voor Delft?", "Wat is de prijs voor Delft?"),
        ("zh", "北京的营业时间是几点?", "那上海呢?", "上海的营业时间是几点?"),
        ("ja", "東京の営業時間は何時ですか?", "では大阪は?", "大阪の営業時間は何時ですか?"),
        ("ko", "서울의 요금은 얼마예요?", "그럼 부산은?", "부산의 요금은 얼마예요?"),
    ],
)
def test_other_languages_cut_short_by_their_own_words(language, before, question, query):
    assert filled(question, Exchange(before), GRAMMARS[language]) == query


PERMIT = Exchange("How do I apply for a parking permit?")
EITHER = Exchange("How do I export to Parquet or Avro?", "To Parquet: playhead export.")


@pytest.mark.parametrize(
    ("before", "question", "query"),
    [
        (PERMIT, "No, I meant a residence permit.", "How do I apply for a residence permit?"),
        (PERMIT, "I mean a fishing licence", "How do I apply for a fishing licence?"),
        (PERMIT, "no, a residence permit", "How do I apply for a residence permit?"),
        (EITHER, "No, I meant the other one.", "How do I export to Avro?"),
        (EITHER, "not that, the other", "How do I export to Avro?"),
        (
            PERMIT,
            "No, I meant that old red boat permit.",
            "How do I apply for that old red boat permit?",
        ),
        (
            PERMIT,
            "No, I meant a small old red fishing permit.",
            "How do I apply for a small old red fishing permit?",
        ),
        (PERMIT, "No, I meant a small old red river fishing permit.", ""),
        (PERMIT, "No, I meant the other one.", ""),
        (PERMIT, "No.", ""),
        (PERMIT, "No, I meant that.", ""),
        (PERMIT, "Is no permit needed?", ""),
    ],
)
def test_what_was_meant_takes_the_place_of_what_was_understood(before, question, query):
    assert corrected(question, before, ENGLISH) == query


@pytest.mark.parametrize(
    ("language", "before", "question", "query"),
    [
        ("de", "Was kostet Bergen?", "Nein, ich meinte Oslo.", "Was kostet Oslo?"),
        ("fr", "Où est Bergen ?", "Non, je voulais dire Oslo", "Où est Oslo ?"),
        ("es", "¿Dónde está Bergen?", "No, me refería a Oslo", "¿Dónde está Oslo?"),
        ("zh", "停车证怎么申请?", "不是，我是说居住证", "居住证怎么申请?"),
    ],
)
def test_other_languages_correct_by_their_own_words(language, before, question, query):
    assert corrected(question, Exchange(before), GRAMMARS[language]) == query


@pytest.mark.parametrize(
    ("before", "question", "query"),
    [
        (Exchange("Are sharks endangered?"), "Why?", "Why are sharks endangered?"),
        (
            Exchange("Where is it?", "It is in the shed. Go."),
            "How come?",
            "How: It is in the shed?",
        ),
        (Exchange("Where is it?"), "Why is that?", "Why: Where is it?"),
        (Exchange("What happens when a worker dies?", "A."), "Why?", "Why: a worker dies?"),
        (LIMIT, "Why is the limit so low?", ""),
    ],
)
def test_a_reason_is_asked_of_what_was_said_last(before, question, query):
    assert because(question, before, ENGLISH) == query


@pytest.mark.parametrize(
    ("query", "event"),
    [
        ("What happens if the lane is lost?", "the lane is lost"),
        ("When does it open?", ""),
        ("What is a lane?", ""),
    ],
)
def test_an_event_is_the_clause_behind_when_or_if(query, event):
    assert event_of(Exchange(query), ENGLISH) == event
