"""The questions of a log are found with the runs that counted, whatever else lies there."""

import dataclasses

import pytest

from replay.selection import Selection
from replay.whatif.recorded_chains import CHAIN, recorded_chains
from schemas import QuestionAsked, QuestionRedacted, TokensGenerated
from streams.log.codec import Codec
from streams.topics import topic_of
from tests.replay.whatif.mill_talk import OPENS, SHUTTLE, TENANT, MillTalk


def chains_of(talk, **selected):
    return recorded_chains(talk.log, Codec(talk.log.ids), Selection(**selected))


def records(talk, kind):
    """Return the records of a type that lie in some lane, to be edited."""
    return next(
        rows for (topic, _), rows in talk.log._records.items() if topic == topic_of(kind) and rows
    )


def test_each_question_has_a_run_of_every_step_in_the_order_of_asking(mill):
    chains = chains_of(mill)
    assert [chain.asked.meta.request for chain in chains] == [*mill.requests.values()]
    assert all(chain.complete for chain in chains)
    assert all([*chain.runs] == [step.name for step in CHAIN] for chain in chains)
    for chain in chains:
        for name, runs in chain.runs.items():
            assert {run.step.name for run in runs} == {name}
            assert {run.given.event.meta.request for run in runs} == {chain.asked.meta.request}
        batches = [e for e in chain.outcomes("generate") if isinstance(e, TokensGenerated)]
        assert len(chain.runs["moderate"]) == len(batches)


@pytest.mark.parametrize(
    ("selected", "count"),
    [
        ({}, 4),
        ({"tenant": TENANT}, 4),
        ({"tenant": "another"}, 0),
        ({"since_us": 2**60}, 0),
        ({"until_us": 2**60}, 4),
        ({"request": "none"}, 0),
    ],
)
def test_only_what_is_selected_is_found(mill, selected, count):
    assert len(chains_of(mill, **selected)) == count


def test_one_request_is_found_alone(mill):
    [chain] = chains_of(mill, request=mill.requests[SHUTTLE])
    assert chain.asked.meta.request == mill.requests[SHUTTLE]


async def test_a_question_that_lies_there_twice_is_one(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS)
    [chain] = chains_of(talk)
    talk.drive.copy(chain.asked)
    assert [one.stored.offset for one in chains_of(talk)] == [chain.stored.offset]


async def test_what_can_not_be_read_is_nobodys(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS)
    for value in (None, b"", b"\0\0\0\0\1junk", b"x" * 100):
        rows = records(talk, QuestionRedacted)
        rows.append(dataclasses.replace(rows[0], offset=len(rows), value=value))
    [chain] = chains_of(talk)
    assert chain.complete


async def test_the_first_of_two_runs_that_were_closed_counts(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS)
    [before] = chains_of(talk)
    talk.drive.copy(before.outcomes("redact")[0])
    [after] = chains_of(talk)
    assert after.runs["redact"][0].attempt.outcomes[0].stored.offset == 0
    assert after.complete


async def test_where_a_step_left_no_end_the_chain_has_none(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS)
    records(talk, TokensGenerated).clear()
    [chain] = chains_of(talk)
    assert not chain.complete
    assert [*chain.runs] == ["redact", "rewrite", "retrieve", "generate"]
    assert chain.outcomes("generate") == []
    assert chain.outcomes("moderate") == []
    assert chain.rejected is None


async def test_a_dead_letter_ends_a_chain_and_is_told(tmp_path):
    talk = await MillTalk(tmp_path).hold("The recogniser stumbles over this mill?")
    [chain] = chains_of(talk)
    assert chain.complete
    assert chain.rejected.error == "KeyError"
    questions = talk.questions()
    walked = await talk.walker(questions, thorough=True).walk(questions.chains[0])
    assert (walked.not_run, walked.first_difference) == (None, None)


async def test_a_question_of_nobody_is_a_chain_without_runs(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS)
    records(talk, QuestionRedacted).clear()
    [chain] = chains_of(talk)
    assert (dict(chain.runs), chain.complete) == ({"redact": []}, False)
    questions = talk.questions()
    walked = await talk.walker(questions).walk(questions.chains[0])
    assert "still in progress" in str(walked.not_run)
    assert isinstance(chain.asked, QuestionAsked)
