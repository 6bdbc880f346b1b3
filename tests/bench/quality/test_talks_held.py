"""Holding conversations: each in a session of its own, judged by rules, written down."""

import click
import pytest
from msgspec.structs import replace

from bench.quality.conversations import (
    ABSENT,
    FACT,
    FOLLOW_UP,
    SMALL_TALK,
    MachineDocument,
    Talk,
    TalkTurn,
)
from bench.quality.talks_held import (
    FALSE,
    RESTATED,
    RIGHT,
    USELESS,
    WRONG,
    TalkHeld,
    TurnHeld,
    hand_in,
    hold_talks,
    judged,
    talks_outcome,
    transcript,
)
from edge.client.gateway_client import connect
from schemas import DocumentSubmitted, QuestionAsked
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.conftest import bounds, log, stack  # noqa: F401 - fixtures
from tests.edge.fake_log import Answers, a_citation
from tests.edge.http_client import outcomes_of, rejected

TIMES = TalkTurn("Which status?", FACT, (("124",), ("times out", "timeout")), wrong=("125",))
HELLO = TalkTurn("Hello!", SMALL_TALK, (("hello", "hi"),))
GONE = TalkTurn("Who won?", ABSENT)
AGAIN = TalkTurn("And then?", FOLLOW_UP, (("127",),))


@pytest.mark.parametrize(
    ("turn", "text", "reason", "quotes", "verdict"),
    [
        (TIMES, "124 if COMMAND Times Out", "stop", ["124"], RIGHT),
        (TIMES, "124 if COMMAND times out", "stop", [], USELESS),
        (TIMES, "124", "stop", ["124"], USELESS),
        (TIMES, "125, or 124 if it times out", "stop", ["x"], FALSE),
        (TIMES, "125", "stop", [], WRONG),
        (TIMES, "I found nothing about 125.", "not_found", ["x"], USELESS),
        (TIMES, "", "error: away", [], USELESS),
        (HELLO, "Hello! Ask me.", "small_talk", [], RIGHT),
        (HELLO, "Hello, world!", "extractive", ["Hello, world!"], USELESS),
        (HELLO, "def app():", "stop", [], USELESS),
        (GONE, "Not in your documents.", "not_found", [], RIGHT),
        (GONE, "Italy.", "extractive", ["Italy"], FALSE),
        (GONE, "Italy.", "stop", [], WRONG),
    ],
)
def test_an_answer_is_judged_by_what_it_holds(turn, text, reason, quotes, verdict):
    assert judged(turn, text, reason, quotes) == verdict


class TalkingGateway:
    """Says the same to everyone, and notes in which session."""

    def __init__(self, states=("indexed",)):
        self.sessions, self.states, self.submitted = {}, list(states), []

    def post(self, path, body):
        if path == "/v1/documents":
            self.submitted.append(body)
            return {"document_id": body["uri"]}
        self.sessions.setdefault(body["session_id"], []).append(body["text"])
        if body["text"] == AGAIN.text:
            raise click.ClickException("overloaded")
        return {
            "text": "124 if it times out",
            "finish_reason": "extractive",
            "citations": [{"quote": "124\n  if it"}],
        }

    def get(self, path):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"status": state, "uri": path, "reason": "too large"}


DOCUMENTS = [MachineDocument("timeout(1)", "text/plain", "124 if it times out")]
TALKS = (Talk((TIMES, AGAIN)), Talk((GONE,), needs="split"), Talk((TIMES, TIMES), needs="timeout"))


def test_a_conversation_stays_in_its_session_and_needs_its_document():
    gateway = TalkingGateway()
    held = hold_talks(gateway, DOCUMENTS, TALKS)
    assert sorted(gateway.sessions.values()) == [[TIMES.text, AGAIN.text], [TIMES.text, TIMES.text]]
    assert [[one.verdict for one in talk.turns] for talk in held] == [
        [RIGHT, USELESS],
        [RIGHT, RIGHT],
    ]
    assert [talk.right for talk in held] == [False, True]
    assert held[0].turns[1].finish_reason == "error: overloaded"


def test_figures_count_conversations_and_turns_by_kind():
    outcome = talks_outcome("talks", hold_talks(TalkingGateway(), DOCUMENTS, TALKS))
    assert outcome.figure("right, all turns").value == 0.5
    assert outcome.figure("right, question").rows == 3
    assert outcome.figure("right, follow-up").value == 0.0
    assert outcome.counts == {RIGHT: 3, WRONG: 0, FALSE: 0, USELESS: 1, RESTATED: 3}
    with pytest.raises(KeyError):
        outcome.figure("right, small talk")


def test_a_transcript_can_be_read():
    text = transcript(hold_talks(TalkingGateway(), DOCUMENTS, TALKS))
    assert "## 1. not right" in text
    assert "**And then?** (follow-up; useless; error: overloaded)" in text
    assert "> 124 if it\n" in text


def test_documents_are_waited_for():
    gateway, pauses = TalkingGateway(["accepted", "ingested", "indexed"]), []
    hand_in(gateway, DOCUMENTS, pauses.append)
    assert [one["uri"] for one in gateway.submitted] == ["machine:timeout(1)"]
    assert len(pauses) >= 2


def test_a_document_that_failed_is_an_error():
    with pytest.raises(click.ClickException, match="failed: too large"):
        hand_in(TalkingGateway(["failed"]), DOCUMENTS, lambda _: None)


@pytest.mark.parametrize(
    ("text", "quotes", "restated"),
    [
        ("The  TERM signal.", ["Sends the term\nsignal."], False),
        ("A TERM signal.", ["Sends the TERM signal."], True),
        ("One. Two.", ["One.", "Two."], False),
        ("Hello!", [], False),
    ],
)
def test_an_answer_in_other_words_than_its_quotes_is_told(text, quotes, restated):
    held = TurnHeld(TIMES, text, "stop", tuple(quotes), RIGHT)
    assert held.restated is restated
    assert (RESTATED in transcript([TalkHeld((held,))])) is restated


# ---------------------------------------------------------------------- over the real gateway


def spoken(event):
    """What ingest, index and moderation would write."""
    if isinstance(event, DocumentSubmitted):
        return outcomes_of(event)
    text = "124 if COMMAND times out"
    return Answers(event).whole(text, citations=(replace(a_citation(), quote=text),))


def test_conversations_are_held_over_the_real_gateway(stack, log):  # noqa: F811
    log.answer = spoken
    gateway = connect(Settings.load(), "acme")
    hand_in(gateway, DOCUMENTS, lambda _: None)
    held = hold_talks(gateway, DOCUMENTS, TALKS)
    assert [[one.verdict for one in talk.turns] for talk in held] == [
        [RIGHT, USELESS],
        [RIGHT, RIGHT],
    ]
    sessions = [event.meta.session for event in log.published(QuestionAsked)]
    assert len(sessions) == 4
    assert len(set(sessions)) == 2
    [document] = log.published(DocumentSubmitted)
    assert document.uri == "machine:timeout(1)"


def test_a_document_that_the_real_gateway_rejects_is_an_error(stack, log):  # noqa: F811
    def refuse(event):
        said = rejected(event, step="ingest", message="too large", meta=event.meta)
        return [replace(said, topic=topic_of(type(event)))]

    log.answer = refuse
    with pytest.raises(click.ClickException, match=r"machine:timeout\(1\) failed: "):
        hand_in(connect(Settings.load(), "acme"), DOCUMENTS, lambda _: None)


def test_a_question_that_fails_at_the_real_gateway_is_told_in_the_transcript(stack, log):  # noqa: F811
    log.answer = lambda event: [rejected(event, message="no model")]
    [held] = hold_talks(connect(Settings.load(), "acme"), DOCUMENTS, (Talk((TIMES,)),))
    assert held.turns[0].verdict == USELESS
    assert held.turns[0].finish_reason.startswith("error: ")
    assert "(nothing)" in transcript([held])


def test_conversations_come_back_in_their_order():
    talks = tuple(
        Talk((TalkTurn(f"What is {number}?", FACT, (("124",),)),)) for number in range(12)
    )
    held = hold_talks(TalkingGateway(), DOCUMENTS, talks)
    assert [one.turns[0].turn.text for one in held] == [talk.turns[0].text for talk in talks]
