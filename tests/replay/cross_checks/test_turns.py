"""Turns of a conversation are held against the answers that were released in it."""

import pytest

from replay.cross_checks.turns import Conversations
from schemas import Answer, AnswerReleased, ReadTurns, SessionSummary, Turn, Turns, Usage, Verdict
from tests.fakes import a_meta


def released(number, subject="u", session="s", finish="stop", text=None):
    answer = Answer(
        text="",
        usage=Usage(),
        finish_reason=finish,
        question="",
        query=f"q{number}",
    )
    return AnswerReleased(
        meta=a_meta(request=f"r{number}", session=session),
        text=text or f"a{number}",
        answer=answer,
        verdict=Verdict(allowed=True),
        subject=subject,
    )


def turn(number, **fields):
    values = {"request": f"r{number}", "question": f"q{number}", "answer": f"a{number}"}
    return Turn(**{**values, **fields})


def told(events, *turns, limit=5, own="r9", subject="u", session="s", summed_up=0):
    conversations = Conversations()
    for event in events:
        conversations.learn(event)
    place = "acme", subject, session
    read = Turns(turns=turns, summary=SessionSummary(turns=summed_up) if summed_up else None)
    return conversations.against(place, own, ReadTurns(limit=limit), read)


FOUR = [released(number) for number in range(4)]


@pytest.mark.parametrize("numbers", [(), (0, 1, 2, 3), (1, 2), (3,), (0,)])
def test_a_stretch_of_the_answers_is_what_may_be_remembered(numbers):
    assert told(FOUR, *map(turn, numbers)) == ""


@pytest.mark.parametrize(
    ("turns", "says"),
    [
        ([turn(0), turn(2)], "in another order than they were answered in, or not all"),
        ([turn(1), turn(0)], "in another order"),
        ([turn(1), turn(1)], "in another order"),
        ([turn(7)], "request r7, which was not answered before"),
        ([turn(1, question="forged")], "another question or answer of request r1"),
        ([turn(1, answer="forged")], "another question or answer of request r1"),
    ],
)
def test_anything_else_is_told(turns, says):
    assert says in told(FOUR, *turns)


def test_no_more_are_read_than_were_asked_for_and_never_ones_own():
    assert "reads 2 turns and asked for 1" in told(FOUR, turn(0), turn(1), limit=1)
    assert "not answered before" in told(FOUR, turn(3), own="r3")


def test_no_more_are_summed_up_than_were_answered_before():
    assert told(FOUR, turn(2), turn(3), summed_up=2) == ""
    assert told(FOUR, turn(2), turn(3), summed_up=1) == ""  # begun by code that knows summaries
    assert "sums up 3 turns" in told(FOUR, turn(2), turn(3), summed_up=3)
    assert "sums up 1 turns" in told(FOUR, summed_up=1)


def test_what_ends_without_an_answer_is_no_turn():
    events = [released(0), released(1, finish="refused"), released(2)]
    assert told(events, turn(0), turn(2)) == ""
    assert "not answered before" in told(events, turn(1))


def test_a_conversation_is_its_users_or_as_in_0_1_0_everybodys_who_names_it():
    events = [released(0), released(1, subject="v"), released(2)]
    assert told(events, turn(0), turn(2)) == ""
    assert told(events, turn(0), turn(1), turn(2)) == ""
    assert told(events, turn(0), session="other")


def test_an_answer_that_was_released_again_has_both_forms():
    events = [released(0), released(1), released(0, text="again")]
    for answer in ("a0", "again"):
        assert told(events, turn(0, answer=answer), turn(1)) == ""
