"""Dead letters and records that can't be read, as the judge sees them."""

import pytest

from schemas import (
    Ask,
    Cause,
    EventRejected,
    QuestionAsked,
)
from streams.log.ids import position_id
from streams.running.run import stamped
from streams.topics import topic_of
from tests.chaos.chain_log import CODEC, SEALED, answered, but
from tests.chaos.judge import judge
from tests.chaos.steps import chain
from tests.fakes import a_meta


def test_a_rejection_is_an_end_too(log):
    log.reject("redact", log.ask("r-3"))
    expected = answered("r-1", "r-2", "r-d")
    expected.fates["r-3"] = 0, "rejected"
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.rejected, judged.answered) == ([], 1, 3)


def test_what_should_be_answered_must_not_be_rejected_and_the_other_way_round(log):
    log.reject("redact", log.ask("r-3"))
    expected = answered("r-1", "r-2", "r-3", "r-d")
    expected.fates["r-1"] = 0, "rejected"
    assert judge(log, chain(), expected).letters == [
        "request r-1 was answered and should be rejected",
        "request r-3 was rejected and should be answered",
    ]
    expected.fates.update({"r-1": (0, "either"), "r-3": (0, "either")})
    assert judge(log, chain(), expected).failures == []


def test_a_dead_letter_holds_the_bytes_of_its_input(log):
    log.reject("redact", log.ask("r-3"), value=b"other")
    [letter] = judge(log, chain()).letters
    assert letter == "playhead.event.rejected[0]@0 does not hold playhead.question.asked[0]@2"


def test_a_dead_letter_of_no_step_is_invented(log):
    log.reject("nothing", log.ask("r-3"))
    assert judge(log, chain()).invented == [
        "playhead.event.rejected[0]@0 is a dead letter of nothing"
    ]


def unreadable(log, value=b"noise", key=b"acme"):
    """Put a record that no step may run, and return it as the input that stands for it."""
    topic, offset = log.put(topic_of(QuestionAsked), value, key)
    position = position_id(topic, 0, offset)
    meta = but(a_meta(), id=position, tenant="", request="", session=position)
    return QuestionAsked(meta=meta, subject="u", text=SEALED, ask=Ask()), topic, offset


LARGEST = b"x" * 1_040_000


@pytest.mark.parametrize("case", ["noise", "no value", "another tenant", "largest"])
def test_what_can_not_be_read_is_owed_a_dead_letter(log, case):
    value = {"noise": b"noise", "no value": None, "largest": LARGEST}.get(
        case, log.topics[topic_of(QuestionAsked), 0][0].value
    )
    given = unreadable(log, value, b"other" if case == "another tenant" else b"acme")
    expected = answered("r-1", "r-2", "r-d")
    expected.unreadable.add((given[1], 0, given[2]))
    [lost] = judge(log, chain(), expected).lost
    assert lost.endswith("has no outcome of redact")
    event, topic, offset = given
    letter = EventRejected(
        step="redact",
        topic=topic,
        partition=0,
        offset=offset,
        value=None if value is LARGEST else value,
        error="Undecodable",
        message="no",
        attempts=1,
    )
    cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
    log.put(
        topic_of(EventRejected),
        CODEC.encode(stamped(letter, but(event.meta, id="l", cause=cause))),
        b"",
    )
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.unreadable, judged.requests) == ([], 1, 3)


def test_what_can_not_be_read_must_not_be_run(log):
    log.run("redact", unreadable(log), tenant="acme")
    [letter] = judge(log, chain()).letters
    assert letter.endswith("which can't be read")


def test_which_records_can_not_be_read_is_known(log):
    unreadable(log)
    expected = answered("r-1", "r-2", "r-d")
    assert "playhead.question.asked[0]@2 can't be read" in judge(log, chain(), expected).invented
    expected.unreadable.add((topic_of(QuestionAsked), 0, 1))
    assert judge(log, chain(), expected).lost[0].endswith("@1 was unreadable and is not")
