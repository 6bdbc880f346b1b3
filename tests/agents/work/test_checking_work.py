"""The work of checks, on statements, JSON, patterns and what is asked, is linear in their texts."""

import json

import pytest

from agents import json_texts, schema_work, statements
from agents.asked import hold_to_bounds
from agents.checking import answerability, supporting
from schemas import Ask
from tests.agents.work.growth import cpu_that_outgrows, lines_that_outgrow


def checking(text):
    """Statement and sources are hostile, each to the other."""
    sources = [part.text for part in statements.statements(text)]
    supporting.check(text, [*sources, "", text[::-1]], given=text, weights=WEIGHTS)
    supporting.check(f"{text} The server must run.", ["The server must run on 1 May."])
    supporting.check("The server must run on 1 May.", [f"{text} The server must run."])
    supporting.differ(text, f"{text} unless less than 5 %")


WEIGHTS = {"bias": 0.0, "share": 1.0}


PIECES = {
    "a JSON text": json_texts.is_json,
    "a response schema": lambda text: schema_work.schema_work(
        json.dumps({"maxItems": 3, "pattern": text + "a{2}", "patternProperties": {text: {}}})
    ),
    "a pattern": schema_work.pattern_work,
    "statements": statements.statements,
    "check": checking,
    "answerable": lambda text: [
        answerability.answer_features(one, [text, "Who never ran 5 GB on 1 May 2024?"])
        for one in (f"Who? {text}", "When is it?", "How much?")
    ],
    "what is asked": lambda text: hold_to_bounds(
        Ask(response_schema=text), {"schema_levels": len(text)}
    ),
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece])


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
