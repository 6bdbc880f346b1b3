"""Rows of forks: they begin with what another conversation had, and go with whose that was."""

import dataclasses

import pytest
from msgspec.structs import replace

from agents.conversation.summary import summarised
from schemas import (
    Numbered,
    Placeholders,
    ReadPlaceholders,
    ReadTurns,
    SessionForked,
    SessionOrigin,
    SessionSummary,
    TableRow,
    Turn,
    Turns,
    WritePlaceholders,
)
from streams.delivery.rows import ROW_BYTES_MAX, RowKey
from streams.delivery.step_tables import TABLES
from streams.delivery.tables import ENTRIES_MAX
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker
from tests.streams.fake_tables import a_call, an_answer
from tests.streams.fake_tables import table as a_table

ORIGIN = SessionOrigin(
    tenant="globex", subject="d1ce", session="old", request="o-9", topic="t", partition=1, offset=7
)
SUMMARY = SessionSummary(turns=4)
KEY = RowKey.of_conversation(2, "acme", "u", "s-1").key


def a_turn(number, answer="told"):
    return Turn(request=f"o-{number}", question=f"the parking permit {number}", answer=answer)


def a_fork(*turns, number="f-1", people=(), placeholders=("<PERSON_1>",), **fields):
    return SessionForked(
        meta=a_meta(request=number, id=number, lane=2),
        subject="u",
        origin=ORIGIN,
        turns=turns,
        summary=SUMMARY,
        people=people,
        placeholders=tuple(
            Numbered(placeholder=one, kind="PERSON", digest="") for one in placeholders
        ),
        **fields,
    )


def sessions(broker=None):
    return a_table(TABLES["sessions"], broker)[0]


async def read(table, limit=6, **call):
    answer = table.handlers()[ReadTurns]
    return await answer(ReadTurns(limit=limit), dataclasses.replace(a_call("e-9", "r-9"), **call))


async def forked(*turns, then=(), **fields):
    """The turns of a fork, and some answers behind them."""
    table = sessions()
    await table.carry(a_fork(*turns, **fields), 3)
    for offset, request in enumerate(then):
        await table.remember(an_answer(request), offset)
    return table


async def test_a_fork_reads_what_was_carried_and_then_what_is_said_in_it():
    turns = a_turn(1), a_turn(2)
    table = await forked(*turns, then=["r-1"])
    told = await read(table)
    assert told.turns[:2] == turns
    assert told.turns[2].request == "r-1"
    assert told.summary == SUMMARY
    assert told.origin == ""
    newest = await read(table, limit=1)
    assert newest.turns == told.turns[2:]
    assert newest.summary == summarised(summarised(SUMMARY, turns[0]), turns[1])


@pytest.mark.parametrize(
    "other", [{"subject": "v"}, {"tenant": "globex"}, {"session": "s-2"}, {"lane": 1}]
)
async def test_a_fork_is_its_users_its_tenants_and_its_sessions_alone(other):
    assert await read(await forked(a_turn(1)), **other) == Turns()


async def test_a_fork_that_is_taken_in_again_changes_nothing():
    fork, table = a_fork(a_turn(1), a_turn(2)), sessions()
    await table.carry(fork, 3)
    await table.remember(an_answer("r-1"), 0)
    before = table._table.data[KEY]
    await table.carry(fork, 3)
    await table.carry(replace(fork, meta=replace(fork.meta, id="f-2"), turns=(a_turn(7),)), 4)
    assert table._table.data[KEY] == before, "nor does another fork"


async def test_a_fork_that_comes_behind_what_was_said_stands_before_it():
    """An import enters answers and forks side by side."""
    table = sessions()
    await table.remember(an_answer("r-1"), 0)
    await table.carry(a_fork(a_turn(1)), 3)
    await table.remember(an_answer("r-2"), 1)
    assert [turn.request for turn in (await read(table)).turns] == ["o-1", "r-1", "r-2"]
    assert table.forget_people({("globex", "d1ce")}) == 1


async def test_where_a_fork_lies_on_its_topic_says_nothing_of_where_answers_lie():
    table = sessions()
    table.came(2, "playhead.session.forked", "the log", None)
    await table.carry(a_fork(a_turn(1)), 700)
    await table.remember(an_answer("r-1"), 0)
    row = a_codec().decode(table._table.data[KEY], TableRow)
    assert [(entry.log, entry.offset) for entry in row.entries] == [("the log", 700), ("", -1)]
    assert (await read(table, limit=1)).summary == summarised(SUMMARY, a_turn(1))


async def test_what_a_row_can_not_hold_is_left_to_the_summary():
    many = [a_turn(number) for number in range(ENTRIES_MAX + 3)]
    told = await read(await forked(*many), limit=100)
    assert told.turns == tuple(many[3:])
    assert told.summary.turns == SUMMARY.turns + 3
    large = [a_turn(number, "x" * (ROW_BYTES_MAX // 3)) for number in range(5)]
    told = await read(await forked(*large), limit=100)
    assert told.turns == tuple(large[-2:])


async def test_a_fork_without_turns_leaves_no_row():
    table = await forked()
    assert KEY not in table._table.data


@pytest.mark.parametrize(
    ("people", "gone"),
    [
        ({("globex", "d1ce")}, 1),
        ({("initech", "beef")}, 1),  # whose fork the origin was
        ({("acme", "u")}, 1),
        ({("acme", "d1ce"), ("globex", "u"), ("globex", "beef")}, 0),
        (set(), 0),
    ],
)
async def test_with_a_person_go_the_forks_of_what_they_said(people, gone):
    every = [f"r-{number}" for number in range(ENTRIES_MAX + 2)]
    table = await forked(a_turn(1), then=every, people=("initech/beef",))
    assert "o-1" not in {turn.request for turn in (await read(table, limit=99)).turns}
    assert table.forget_people(people) == gone
    assert (KEY in table._table.data) is not bool(gone)
    assert table.forget_people(people) == 0


async def test_whose_a_fork_was_is_known_after_a_restart_and_forgotten_with_its_lane():
    broker = a_broker()
    await sessions(broker).carry(a_fork(a_turn(1)), 3)
    again = sessions(broker)
    again.apply(again.changes({2: 0}))
    assert again._origins[KEY] == {("globex", "d1ce")}
    again.keep_only([])
    assert (again._origins, KEY in again._table.data) == ({}, False)


async def test_more_people_than_a_row_names_are_cut_off():
    many = tuple(f"t-{number}/s" for number in range(1_000))
    table = await forked(a_turn(1), people=many)
    row = a_codec().decode(table._table.data[KEY], TableRow)
    assert len(row.entries[0].value) < 2_000


# ------------------------------------------------------------------ placeholders


def placeholders_of(table):
    answer = table.handlers()[ReadPlaceholders]
    return answer(ReadPlaceholders(scope="s-1"), a_call("e-9"))


async def test_a_fork_goes_on_counting_where_its_origin_was():
    table, _ = a_table(TABLES["placeholders"])
    fork = a_fork(placeholders=("<PERSON_1>", "<PERSON_2>"))
    await table.number(fork, 3)
    assert await placeholders_of(table) == Placeholders(entries=fork.placeholders)


async def test_what_came_into_use_before_a_fork_was_taken_in_stays():
    table, _ = a_table(TABLES["placeholders"])
    own = Placeholders(entries=(Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d"),))
    write = table.handlers()[WritePlaceholders]
    await write(WritePlaceholders(scope="s-1", state=own), a_call("e-1"))
    await table.number(a_fork(placeholders=("<PERSON_1>", "<PERSON_2>")), 3)
    assert await placeholders_of(table) == own


async def test_a_fork_without_placeholders_leaves_no_row():
    table, _ = a_table(TABLES["placeholders"])
    await table.number(a_fork(placeholders=()), 3)
    assert table._table.data == {}
