"""The judge finds calls that nothing tells of, tales of calls that were not made, and calls that are made too often."""

import resource
from collections import Counter

import pytest

from schemas import Effect, Embed, PublishVersion, QuestionAsked
from streams.topics import topic_of
from tests.chaos.calls import CallJournal, calls_of, folder_of
from tests.chaos.chain_log import ChainLog
from tests.chaos.effects import CALLS_MAX
from tests.chaos.judge import judge
from tests.chaos.steps import chain

ASKED = topic_of(QuestionAsked), 0
REDACTED = "playhead.query.rewritten", 0


def told(kind, number=0, **more):
    values = {"part": 0, "request": b"d", "response": None, "digest": b"", "model": ""}
    return Effect(
        number=number, kind=kind, **{**values, "started": 1, "took_us": 1, "error": "", **more}
    )


@pytest.fixture
def log():
    """A question whose `retrieve` tells of an embedding, and of one that failed before."""
    log = ChainLog()
    rewritten = log.answer(log.ask("r-1"), ("redact", "rewrite"))
    effects = (
        told(Embed.SCHEMA, error="Transient: away"),
        told(Embed.SCHEMA, 1),
        told("ReadTurns", 2),
    )
    retrieved = log.run("retrieve", rewritten, effects=effects)
    log.answer(retrieved, ("generate", "moderate"))
    return log


def effects(log, calls):
    counted = {place: Counter(kinds) for place, kinds in calls.items()}
    return judge(log, chain(), calls=lambda _: counted).effects


def test_calls_that_their_outcome_tells_of_are_right(log):
    assert effects(log, {REDACTED: {Embed.SCHEMA: 1}}) == []


def test_a_run_that_was_cut_off_may_have_asked_too(log):
    calls = {REDACTED: {Embed.SCHEMA: CALLS_MAX, "Search": 1}}
    assert effects(log, calls) == []
    judged = judge(log, chain(), calls=lambda _: {REDACTED: Counter(calls[REDACTED])})
    assert (judged.most_calls, judged.calls) == (CALLS_MAX, CALLS_MAX + 1)


def test_an_outcome_that_tells_of_a_call_that_was_not_made_is_named(log):
    [wrong] = effects(log, {})
    assert wrong.endswith("@0 tells of 1 Embed of retrieve, and 0 were made")


def test_an_effect_that_is_asked_for_again_and_again_is_named(log):
    [wrong] = effects(log, {REDACTED: {Embed.SCHEMA: CALLS_MAX + 1}})
    assert wrong.startswith("retrieve asked Embed 26 times for playhead.query.rewritten[0]@0")


def test_a_call_for_a_copy_is_named(log):
    log.ask("r-1", at=7)
    calls = {REDACTED: {Embed.SCHEMA: 1}, (ASKED[0], 1): {PublishVersion.SCHEMA: 1}}
    [wrong] = effects(log, calls)
    assert wrong == (
        "redact asked PublishVersion 1 times for playhead.question.asked[0]@1, over which it wrote nothing"
    )


def test_without_a_record_of_the_calls_nothing_is_said_of_them(log):
    assert judge(log, chain()).effects == []


def test_calls_are_read_as_they_were_written_even_by_one_who_was_killed(tmp_path):
    for _ in range(2):
        CallJournal(tmp_path).note("Embed", 3, ("a.topic", 7))
    CallJournal(tmp_path).note("Search", 3, ("a.topic", 8))
    with (folder_of(tmp_path) / "3").open("a") as file:
        file.write("Embed a.top")
    assert calls_of(tmp_path, 3) == {("a.topic", 7): {"Embed": 2}, ("a.topic", 8): {"Search": 1}}
    assert calls_of(tmp_path, 4) == {}


def test_calls_are_written_down_although_the_run_folder_is_full(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        CallJournal(tmp_path).note("Embed", 3, ("a.topic", 7))
        assert resource.getrlimit(resource.RLIMIT_FSIZE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert calls_of(tmp_path, 3) == {("a.topic", 7): Counter(Embed=1)}
