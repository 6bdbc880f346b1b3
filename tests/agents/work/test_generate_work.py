"""The work of *generate* on one answer is linear in its texts."""

import json

import pytest

from agents import composer
from agents.answering.generation_policy import policy_of
from agents.tools import exchanged, number_style, plain_arithmetic, tool_results
from tests.agents.hostile import FAMILIES
from tests.agents.work.growth import cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import GENERATION, PASSAGE_CHARACTERS, retrieved, speaking_of


def using_tools(text):
    for spoken in ("en", "de"):
        plain_arithmetic.plain_arithmetic(f"How much is {text}?", spoken)
        plain_arithmetic.plain_arithmetic("How much is 17,5 % of 2.340,10 + 3?", spoken)
        for numbers in (text.split(), ["1.234,5", "12,000"], ["1 000"], ["12"], ["12.000"]):
            if (style := number_style.number_style(numbers, spoken)) is not None:
                style.plain("1234.5")
                style.written("-12345.678")
    tool_results.told(text, PASSAGE_CHARACTERS)
    told = tool_results.told(json.dumps({"a": [text, {"b": [text, 1]}]}), PASSAGE_CHARACTERS)
    tool_results.harmless(tool_results.result_passage("t", json.dumps([text]), text + told, 1))
    given = [{"id": "1", "name": "t", "arguments": json.dumps(text), "result": text}]
    read = exchanged.exchanges_of(json.dumps(given).encode())
    parts = [part for one in read for part in exchanged.personal_parts(one)]
    exchanged.without_personal_parts(read, parts)


def answering(text, question="", source=""):
    """Answer out of passages whose size has a bound, `budget_tokens` of retrieve's configuration."""
    event = retrieved(
        question or text, (source or text)[:PASSAGE_CHARACTERS], text[:PASSAGE_CHARACTERS]
    )
    policy = policy_of({**GENERATION, "prompt": "{{passages}} {{question}}"})
    made = composer.Composer(event, policy.for_request("r"))
    made._unanswerable()
    composed = made.composition.composed()
    made._quoted(composed, "")
    made._nothing()
    assert made._widest
    assert made.spared >= 0
    speaking_of(made, text, 4_000)


def divided(text):
    """Put code between the words of a text, which are numbered: steps, and what is done at each."""
    steps = (f"{n % 50 + 1}. {word}:\n\n$ run --it" for n, word in enumerate(text.split()))
    return "In these steps:\n\n" + "\n\n".join(steps)


def hearing(text):
    """A word at a time, of an answer that the passage supports."""
    policy = policy_of({**GENERATION, "prompt": ""})
    source = text[:PASSAGE_CHARACTERS]  # which has a bound, as above
    speaking_of(composer.Composer(retrieved(text, source), policy), text)


PIECES = {
    "generate: tools": using_tools,
    "generate: an answer from itself": answering,
    "generate: an answer to a long question": lambda text: answering("a b. " * 50, question=text),
    "generate: an answer from many sentences": lambda text: answering(
        text, source=FAMILIES["one word in common"](len(text))
    ),
    "generate: an answer from steps that code divides": lambda text: answering(
        text, question="In which order does it run?", source=divided(text)
    ),
    "generate: as it is written": hearing,
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece])


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
