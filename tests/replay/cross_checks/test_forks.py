"""What a run reads of a fork is held against the fork on the log."""

import pytest
from msgspec.structs import replace

from replay.archive import BadArchive
from replay.cross_checks.lane_checks import LaneChecks
from replay.cross_checks.table_rows import Rows
from schemas import (
    Numbered,
    Placeholders,
    ReadPlaceholders,
    ReadTurns,
    SessionForked,
    SessionOrigin,
    SessionSummary,
    Turn,
    Turns,
)
from streams.log.configuration_log import CHOICES
from streams.topics import topic_of
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed
from tests.replay.cross_checks.test_turns import released
from tests.replay.little_log import (
    ANSWERS,
    CONFIGURATION,
    asked,
    configuration_set,
    fake_run,
    put,
    verified,
)

FORKED = topic_of(SessionForked)
ORIGIN = SessionOrigin(
    tenant="globex", subject="d", session="old", request="o-2", topic="t", partition=0, offset=1
)
TURNS = tuple(Turn(request=f"o-{n}", question=f"q{n}", answer=f"a{n}") for n in range(3))
IN_USE = Placeholders(entries=(Numbered(placeholder="<PERSON_4>", kind="PERSON", digest=""),))
NOTHING = Placeholders()


def a_fork(turns=TURNS, session="s", subject="u", number="f-1", **fields):
    return SessionForked(
        meta=a_meta(session=session, request=number, id=number),
        subject=subject,
        origin=ORIGIN,
        turns=turns,
        placeholders=IN_USE.entries,
        **{"summary": SessionSummary(turns=5), **fields},
    )


def against(read, *told, subject="u", session="s"):
    lane = LaneChecks(lambda: ())
    for event in told:
        lane.learn(event)
    place = "acme", subject, session
    return lane.conversations.against(place, "r9", ReadTurns(limit=6), read)


OWN = Turn(request="r1", question="q1", answer="a1")
SUMMED = SessionSummary(turns=5)


@pytest.mark.parametrize(
    "read",
    [
        Turns(turns=TURNS, summary=SUMMED),
        Turns(turns=(*TURNS, OWN), summary=SUMMED),
        Turns(turns=(TURNS[2], OWN), summary=SessionSummary(turns=7)),
        Turns(turns=(OWN,), summary=SessionSummary(turns=8)),
        Turns(turns=(OWN,)),  # before the fork was taken in
        Turns(),
    ],
)
def test_a_fork_reads_what_its_record_carries_and_what_was_answered_in_it(read):
    assert against(read, a_fork(), released(1)) == ""


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (Turns(turns=(OWN, TURNS[0])), "in another order"),
        (Turns(turns=(TURNS[0], TURNS[2])), "not all of them"),
        (Turns(turns=(TURNS[1], TURNS[2]), summary=SessionSummary(turns=7)), "sums up 7 turns"),
        (
            Turns(turns=(Turn(request="o-1", question="q1", answer="forged"),)),
            "another question or",
        ),
        (Turns(turns=(Turn(request="o-7", question="q", answer="a"),)), "was not answered before"),
    ],
)
def test_anything_else_is_told(read, says):
    assert says in against(read, a_fork(), released(1))


@pytest.mark.parametrize("whose", [{"subject": "v"}, {"session": "t"}])
def test_a_fork_is_no_other_conversation(whose):
    assert "not answered before" in against(Turns(turns=TURNS), a_fork(**whose))


def test_of_two_forks_of_a_session_the_first_counts():
    other = a_fork((Turn(request="o-8", question="q", answer="a"),), number="f-2")
    assert against(Turns(turns=TURNS, summary=SUMMED), a_fork(), other) == ""
    assert "not answered before" in against(Turns(turns=other.turns), a_fork(), other)


# ------------------------------------------------------------------ placeholders


def rows():
    made = Rows(NOTHING)
    made.begin(("k",), IN_USE)
    made.begin(("k",), Placeholders(entries=IN_USE.entries * 2))
    return made


def test_a_row_of_a_fork_begins_with_what_is_carried_or_empty():
    for read in (IN_USE, NOTHING):
        assert rows().against_read(("k",), read, "e", "1") == ""
    assert rows().against_read(("other",), IN_USE, "e", "1") == "no run before wrote it"
    assert rows().against_read(("k",), Placeholders(entries=IN_USE.entries * 2), "e", "1")


def test_a_fork_may_be_taken_in_between_two_reads_and_not_behind_a_write():
    made = rows()
    assert made.against_read(("k",), NOTHING, "e", "1") == ""
    assert made.against_read(("k",), IN_USE, "f", "1") == ""
    assert made.against_read(("k",), NOTHING, "g", "1") == "the run before it left another state"
    made = rows()
    made.write(("k",), NOTHING, "e", "1")
    assert made.against_read(("k",), IN_USE, "f", "1") == "the run before it left another state"


# ------------------------------------------------------------------ a whole log


async def a_log(*forks, read=IN_USE):
    log, event = MemoryLog(), asked(0, session="s")
    put(log, configuration_set(), key=CONFIGURATION.digest.encode())
    put(log, event)
    for fork in forks:
        put(log, fork)
    run = fake_run(event, 0, {**ANSWERS, ReadPlaceholders: lambda _: read})
    await run.execute()
    for outcome in run.outcomes:
        put(log, outcome)
    return log


async def test_a_log_with_a_fork_verifies_and_without_it_does_not():
    report = await verified(await a_log(a_fork()))
    assert (report.diverged, report.unverifiable) == ([], [])
    assert report.equal == report.records > 0
    [differs] = (await verified(await a_log())).diverged[:1]
    assert "no run before wrote it" in differs.reason


class FakeBrokenLog(MemoryLog):
    """A log of which the forks are gone since."""

    def records(self, topic, partition):
        if topic == FORKED:
            raise BadArchive("its file is gone")
        return super().records(topic, partition)


@pytest.mark.parametrize("how", ["no file", "unreadable"])
async def test_what_a_fork_that_is_gone_may_explain_can_not_be_verified(how):
    log = await a_log(a_fork())
    if how == "unreadable":
        log.topics[FORKED, 0][0].value = b"?"
    else:
        log.__class__ = FakeBrokenLog
    report = await verified(log)
    assert {one.topic for one in report.diverged} <= {FORKED}
    [doubt] = report.unverifiable
    assert "whether a fork began with it can't be told" in doubt.reason


async def test_a_fork_that_lies_where_no_fork_may_is_told():
    log = await a_log(a_fork())
    log.topics[FORKED, 0][0].key = b"globex"
    [differs] = (await verified(log)).diverged
    assert (differs.topic, "another key than its tenant" in differs.reason) == (FORKED, True)


@pytest.mark.parametrize("signed", [True, False])
async def test_a_fork_that_nobody_signed_explains_nothing_and_hides_none(signed):
    """The folds pass it over; else whoever writes one first has every answer behind it differ."""
    keys = ProducerKeys({FORKED: [0]})
    signer = keys.signer("*")
    forged = a_fork((Turn(request="o-8", question="q", answer="a"),), number="f-0")
    other = (Numbered(placeholder="<PERSON_9>", kind="PERSON", digest=""),)
    log = await a_log()
    must_sign(log, keys)
    put_signed(log, replace(forged, placeholders=other))
    put_signed(log, a_fork(), signer if signed else None)
    report = await verified(log)
    if signed:
        assert (report.diverged, report.unverifiable) == ([], [])
    else:
        [differs] = report.diverged[:1]
        assert "no run before wrote it" in differs.reason


async def test_where_the_producers_of_a_log_are_gone_nothing_is_said_for_sure():
    log = await a_log(a_fork())
    must_sign(log, ProducerKeys())

    class FakeLogWithoutChoices(MemoryLog):
        def records(self, topic, partition):
            if topic == CHOICES:
                raise BadArchive("its file is gone")
            return super().records(topic, partition)

    log.__class__ = FakeLogWithoutChoices
    report = await verified(log)
    [doubt] = report.unverifiable
    assert "whether a fork began with it can't be told" in doubt.reason
