"""A changelog is put right behind a fence, while its step stands still; and put back."""

import pytest

from replay.rebuild.changelog_rows import kept_of
from replay.rebuild.table_repair import StepStillRuns, TableRepair
from schemas import TableRow
from streams.delivery.step_tables import TABLES
from streams.topics import changelog_of, group_of
from tests.fakes import a_codec
from tests.memory_broker import MemoryWriter

CODEC = a_codec()
NAMES = sorted(TABLES)
NOTHING = CODEC.encode(TableRow(entries=()))


class Workers:
    """Which groups have members, question by question; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers) or [{}]
        self.asked = []

    def __call__(self, groups):
        self.asked.append(sorted(groups))
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {group: told.get(group, ()) for group in groups}


def a_repair(made_log, *answers):
    return TableRepair(
        made_log.kept.of.settings,
        made_log.kept.changelogs,
        MemoryWriter(made_log.broker),
        made_log.broker.admin(),
        Workers(*answers),
    )


def hurt(made_log, name):
    """Drop a row, change another where there is one, add one that nothing writes."""
    (lane, row), *others = made_log.held(name)
    made_log.put(name, lane, row.key(), None)
    made_log.put(name, lane, row.key() + b"-other", row.value())
    for lane, other in others[:1]:
        made_log.put(name, lane, other.key(), NOTHING)
    return 2 + len(others[:1])


def rows_of(made_log, name):
    """What a worker that starts reads of a table."""
    return {(lane, one.key()): one.value() for lane, one in made_log.held(name) if one.value()}


@pytest.mark.parametrize("name", NAMES)
async def test_what_was_hurt_is_mended_and_put_back(made_log, name):
    whole = rows_of(made_log, name)
    rows = hurt(made_log, name)
    broken = rows_of(made_log, name)
    assert broken != whole
    repair = a_repair(made_log)
    report = await repair.repair(made_log.rebuilding())
    assert report.written == {name: rows}
    assert report.after.status == 0
    assert rows_of(made_log, name) == whole
    assert report.kept == [kept_of(name)]
    back = repair.roll_back(NAMES, frozenset())
    assert back.written == {name: rows}
    assert rows_of(made_log, name) == broken
    again = repair.roll_back(NAMES, frozenset())
    assert (again.written, again.left) == ({}, {})


async def test_what_is_right_is_not_written(made_log):
    before = {place: rows.end for place, rows in made_log.broker.rows.items()}
    report = await a_repair(made_log).repair(made_log.rebuilding())
    assert (report.written, report.left, report.kept) == ({}, {}, [])
    assert {place: rows.end for place, rows in made_log.broker.rows.items()} == before


async def test_a_changelog_that_is_gone_is_made_again(made_log):
    whole = rows_of(made_log, "sessions")
    made_log.broker.admin().delete_topics([changelog_of("sessions")])
    report = await a_repair(made_log).repair(made_log.rebuilding())
    assert rows_of(made_log, "sessions") == whole
    assert report.after.status == 0
    policy = made_log.broker.settings[changelog_of("sessions")]["cleanup.policy"]
    assert policy == made_log.broker.settings[kept_of("sessions")]["cleanup.policy"] == "compact"


async def test_rows_that_an_older_worker_had_on_its_way_come_too_late(made_log):
    lane, row = made_log.held("documents")[0]
    made_log.put("documents", lane, row.key(), None)
    await a_repair(made_log).repair(made_log.rebuilding())
    made_log.put("documents", lane, row.key(), NOTHING, fence=b"older")
    assert (await made_log.rebuilding().compare()).status == 0


async def test_what_was_replaced_is_on_the_broker_before_it_is_replaced(made_log):
    lane, row = made_log.held("documents")[0]
    made_log.put("documents", lane, row.key(), NOTHING)
    repair = a_repair(made_log)
    put = made_log.broker.put

    def refusing(topic, value, **fields):
        if topic == changelog_of("documents"):
            raise ConnectionError
        return put(topic, value, **fields)

    made_log.broker.put = refusing
    with pytest.raises(ConnectionError):
        await repair.repair(made_log.rebuilding())
    [kept] = made_log.broker.rows[kept_of("documents"), lane].messages
    assert (kept.key(), kept.value()) == (row.key(), NOTHING)
    made_log.broker.put = put
    report = await repair.repair(made_log.rebuilding())  # whoever was killed there begins again
    assert report.after.status == 0


@pytest.mark.parametrize("work", ["repair", "roll_back"])
async def test_it_is_refused_while_a_worker_runs_the_step(made_log, work):
    hurt(made_log, "sessions")
    repair = a_repair(made_log, {group_of("rewrite"): ("10.0.0.1", "10.0.0.2")})
    before = {place: rows.end for place, rows in made_log.broker.rows.items()}
    with pytest.raises(
        StepStillRuns, match=r"2 workers of rewrite at 10\.0\.0\.1, 10\.0\.0\.2: .*Stop"
    ):
        await called(repair, work, made_log, ["sessions"])
    assert {place: rows.end for place, rows in made_log.broker.rows.items()} == before


@pytest.mark.parametrize("work", ["repair", "roll_back"])
async def test_a_worker_that_began_meanwhile_is_told_of(made_log, work):
    repair = a_repair(made_log, {}, {group_of("rewrite"): ("10.0.0.1",)})
    with pytest.raises(StepStillRuns, match="began while this wrote"):
        await called(repair, work, made_log, ["sessions"])


async def test_workers_of_other_steps_may_run(made_log):
    repair = a_repair(made_log, {group_of("ingest"): ("10.0.0.1",)})
    await called(repair, "repair", made_log, ["sessions"])
    assert repair._hosts.asked == [[group_of("rewrite")]] * 2


async def called(repair, work, made_log, names):
    if work == "repair":
        await repair.repair(made_log.rebuilding(names))
    else:
        repair.roll_back(names, frozenset())


async def test_what_went_on_since_is_not_put_back(made_log):
    lane, row = made_log.held("documents")[0]
    made_log.put("documents", lane, row.key(), None)
    repair = a_repair(made_log)
    await repair.repair(made_log.rebuilding())
    made_log.put("documents", lane, row.key(), NOTHING)
    report = repair.roll_back(NAMES, frozenset())
    assert (report.written, report.left) == ({}, {"documents": 1})


async def test_what_a_repair_replaced_again_is_put_back_as_it_was_last(made_log):
    lane, row = made_log.held("documents")[0]
    repair = a_repair(made_log)
    for broken in (None, NOTHING):
        made_log.put("documents", lane, row.key(), broken)
        await repair.repair(made_log.rebuilding())
    report = repair.roll_back(NAMES, frozenset())
    assert (report.written, report.left) == ({"documents": 1}, {})
    assert rows_of(made_log, "documents")[lane, row.key()] == NOTHING


def whose(row):
    _, tenant, _, subject, _ = row.key().decode().split("\0")
    return tenant, subject


async def test_rows_of_people_who_were_erased_since_are_not_put_back(made_log):
    lane, row = made_log.held("sessions")[0]
    made_log.put("sessions", lane, row.key(), NOTHING)
    repair = a_repair(made_log)
    await repair.repair(made_log.rebuilding())
    report = repair.roll_back(NAMES, {whose(row)})
    assert (report.written, report.left) == ({}, {"sessions": 1})


async def test_what_is_left_of_somebody_who_was_erased_goes_and_is_kept_nowhere(made_log):
    lane, row = made_log.held("sessions")[0]
    _, tables = made_log.made[lane]
    rows = tables.tables["sessions"].rows
    before = {key: (value, rows.turn_of(key)) for key, value in rows.items()}
    try:
        for key in [key for key in before if key == row.key()]:
            del rows[key]  # as it is made again where the person was erased
        repair = a_repair(made_log)
        report = await repair.repair(made_log.rebuilding(people={whose(row)}))
        assert report.written == {"sessions": 1}
        assert row.key() not in {key for _, key in rows_of(made_log, "sessions")}
        [kept] = made_log.broker.rows[kept_of("sessions"), lane].messages
        assert kept.value() == b""
    finally:
        for key, (value, turn) in before.items():
            rows.put(key, value, turn)


async def test_what_was_kept_is_dropped(made_log):
    hurt(made_log, "documents")
    repair = a_repair(made_log)
    await repair.repair(made_log.rebuilding())
    assert repair.drop(NAMES) == [kept_of("documents")]
    assert repair.drop(NAMES) == []
    assert repair.roll_back(NAMES, frozenset()).written == {}


async def test_few_bytes_are_on_their_way_at_once(made_log):
    for lane, row in made_log.held("releases"):
        made_log.put("releases", lane, row.key(), None)
    whole = len(made_log.held("releases"))
    writer = MemoryWriter(made_log.broker)
    portions = []
    write_all = writer.write_all
    writer.write_all = lambda records: portions.append(made := list(records)) or write_all(made)
    repair = a_repair(made_log)
    repair._writer, repair._at_once_rows = writer, 1
    report = await repair.repair(made_log.rebuilding())
    assert report.after.status == 0
    assert {len(portion) for portion in portions} == {1}
    assert len(portions) >= 2 * (whole - 2)
