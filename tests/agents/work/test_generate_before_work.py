"""The work of *generate* by the rules of 0.1.0 is linear in its texts."""

import pytest

from agents import evidence
from agents.answering.generation_policy import policy_of
from agents.before import grounding, spoken_answers
from schemas import Generated, GeneratedToken
from tests.agents.hostile import FAMILIES
from tests.agents.work.growth import CUT_SIZE, SIZE, cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import GENERATION, PASSAGE_CHARACTERS, passages, retrieved


def answering_before(text, question="", source=""):
    """The same by the rules of 0.1.0."""
    event = retrieved(
        question or text, (source or text)[:PASSAGE_CHARACTERS], text[:PASSAGE_CHARACTERS]
    )
    made = spoken_answers.SpokenAnswer(
        event, policy_of({**GENERATION, "prompt": "{{passages}} {{question}}"})
    )
    made.writer.add(text)
    made._fails()
    made.grounds.cite(text)
    made.grounds.stands(text, 0.0, 0.0)
    made._extractive("")
    made._closed(spoken_answers.Reply(0, evidence.Hearer(made.evidence)))


def ranking_sentences(text):
    """As many sentences as the question has words."""
    grounding.Grounds(text, passages(text, text[::-1]))


def hearing_before(text):
    """The same by the rules of 0.1.0."""
    made = spoken_answers.SpokenAnswer(
        retrieved(text, text), policy_of({**GENERATION, "prompt": ""})
    )
    reply = spoken_answers.Reply(0, evidence.Hearer(made.evidence))
    for at in range(0, len(text), 4):
        made._hear(
            Generated(tokens=(GeneratedToken(text=text[at : at + 4], at_us=0),), model="m"), reply
        )
        made.writer.due()
        if reply.wrong:
            break
    made.writer.restart()


SIZES = {"generate before: rank sentences": CUT_SIZE}
PIECES = {
    "generate before: an answer from itself": answering_before,
    "generate before: an answer to a long question": lambda text: answering_before(
        "a b. " * 50, question=text
    ),
    "generate before: an answer from many sentences": lambda text: answering_before(
        text, source=FAMILIES["one word in common"](len(text))
    ),
    "generate before: rank sentences": ranking_sentences,
    "generate before: as it is written": hearing_before,
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece], SIZES.get(piece, SIZE))


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
