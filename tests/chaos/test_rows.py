"""What a record shows by itself, and what the numbers in a session's records show."""

from schemas import (
    Cause,
)
from streams.log.ids import outcome_id
from streams.running.run import stamped
from tests.chaos.chain_log import OUTCOMES, but
from tests.chaos.judge import judge
from tests.chaos.steps import chain


def test_numbers_of_a_session_that_skip_or_repeat_are_told(log):
    third = log.ask("r-3")
    redacted = log.write(
        stamped(
            but(OUTCOMES["redact"], text="2"),
            but(
                third[0].meta,
                id=outcome_id("id-r-3", "redact", 0),
                cause=Cause(topic=third[1], partition=0, offset=third[2], id="id-r-3"),
            ),
        )
    )
    log.answer(redacted, tuple(OUTCOMES)[1:])
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 2 of s-1, due is 3")


def test_versions_of_a_document_that_repeat_are_told(log):
    log.index(log.submit("r-3"), version=2)
    assert judge(log, chain()).failures == []
    log.index(log.submit("r-4"), version=2)
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 2 of d-1, due is 3")


def test_an_answer_whose_text_lacks_a_part_is_told(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve", "generate"))
    log.run("moderate", given, but(OUTCOMES["moderate"], text=""))
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("releases '' of the answer 't'")
