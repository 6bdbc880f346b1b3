"""The work of *generate* on the statements of passages is linear in them."""

import pytest

from agents import prompting
from agents.answering import abstaining, distilling
from agents.answering.asked_about import subject
from agents.answering.composition import Composition
from agents.answering.generation_policy import policy_of
from agents.answering.nearness import Nearness
from agents.answering.respelling import respelt
from tests.agents.work.growth import CUT_SIZE, cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import ANSWERABLE, ASKED, GENERATION, passages


def reading_statements(text):
    """As many statements as the question has words."""
    near = Nearness(text, passages(text, text[::-1]))
    Composition(near).composed()
    prompting.distilled(near, 90)
    prompting.distilled(near, 90, {"near": 0.5, "tokens_max": 200})
    offered = distilling.candidates(near, 12)
    distilling.asking(text, offered)
    for said in (text, '{"keep": [1, 2, 3]}'):
        distilling.kept(said, offered, 90)
    prompting.nearest_first(ASKED, prompting.filtered(passages(text, f"{text} 1")))
    abstaining.standing_nowhere(text, near.passages)
    abstaining.contradicted(text, [one.text for one in near.statements])
    abstaining.beside_the_point(f"{text} (pump)?", [one.text for one in near.statements])
    respelt(text, near.passages)
    respelt(f"Goverment of Mexic, {text}", passages(f"{text} government of Mexico"))
    subject(f"When did {text}?")
    abstaining.unanswerable(text, near.passages, ANSWERABLE)
    abstaining.plain_nouns(f"Wie ist das {text}?")
    abstaining.nothing_found(text, policy_of(GENERATION))


def comparing(text):
    """A comparison of two sides."""
    near = Nearness(f"What is the difference between alpha and beta? {text}", passages(text, text))
    Composition(near).composed()


def differing(text):
    """Documents that say different things."""
    said = (f"The annual fee is {fee} euros.\n\n{text}" for fee in (5, 7))
    near = Nearness("How high is the annual fee?", passages(*said))
    Composition(near, {"en": "They differ:"}).composed()


def defining(text):
    """What something is, and the statements that may say so."""
    Nearness("What is W1?", passages(text, text))


PIECES = {
    "generate: read statements": reading_statements,
    "generate: compare": comparing,
    "generate: differ": differing,
    "generate: define": defining,
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece], CUT_SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
