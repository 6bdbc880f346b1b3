"""Tables from the log are those that the steps kept; what was hurt of a changelog is found."""

import hashlib

import pytest

from replay.rebuild.table_rebuilding import log_to_make_of
from schemas import DocumentState, TableEntry, TableRow
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import TABLES
from streams.topics import changelog_of
from tests.fakes import a_codec

CODEC = a_codec()
NAMES = sorted(TABLES)


def verdicts(report, *names):
    counts = dict.fromkeys(("missing", "extra", "different", "unverifiable"), 0)
    for name in names or NAMES:
        for verdict, count in report.counts.get(name, {}).items():
            if verdict in counts:
                counts[verdict] += count
    return counts


async def test_what_the_log_says_is_what_the_steps_kept(made_log):
    report = await made_log.rebuilding().compare()
    assert report.status == 0
    assert {name: set(of) for name, of in report.counts.items()} == {
        key: {"equal"} for key in NAMES
    }
    for made, held in report.digests.values():
        assert made.hexdigest() == held.hexdigest()
    assert report.rows == sum(len(made_log.held(name)) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_row_that_was_dropped_is_missing(made_log, name):
    lane, row = made_log.held(name)[0]
    made_log.put(name, lane, row.key(), None)
    report = await made_log.rebuilding().compare()
    assert verdicts(report) == {"missing": 1, "extra": 0, "different": 0, "unverifiable": 0}
    [told] = report.differences
    assert (told.table, told.lane, told.verdict, told.held) == (name, lane, "missing", "")
    assert told.scope == RowKey.at(row.key()).scope
    assert report.status == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_row_of_which_the_newest_entry_went_differs(made_log, name):
    lane, row = max(
        made_log.held(name), key=lambda one: len(CODEC.decode(one[1].value(), TableRow).entries)
    )
    entries = CODEC.decode(row.value(), TableRow).entries[:-1]
    made_log.put(name, lane, row.key(), CODEC.encode(TableRow(entries=entries)))
    report = await made_log.rebuilding().compare()
    [told] = report.differences
    assert told.verdict == ("different")
    assert "it lacks the entry of" in told.reason
    assert told.made != told.held


async def test_what_an_entry_says_is_compared(made_log):
    lane, row = made_log.held("documents")[0]
    [entry] = CODEC.decode(row.value(), TableRow).entries
    state = CODEC.decode(entry.value, DocumentState)
    other = CODEC.encode(type(state)(version=state.version + 1))
    forged = TableEntry(event=entry.event, value=other, log=entry.log, offset=entry.offset)
    made_log.put("documents", lane, row.key(), CODEC.encode(TableRow(entries=(forged,))))
    [told] = (await made_log.rebuilding().compare()).differences
    assert told.reason == f"the entry of {entry.event} (offset {entry.offset}) says something else"


@pytest.mark.parametrize("value", [b"", b"nonsense"])
async def test_a_row_that_can_not_be_read_differs(made_log, value):
    lane, row = made_log.held("sessions")[0]
    made_log.put("sessions", lane, row.key(), value)
    [told] = (await made_log.rebuilding().compare()).differences
    assert (told.verdict, told.reason) == ("different", "the changelog's row can't be read")
    assert told.held == hashlib.sha256(value).hexdigest()


async def test_a_row_that_nothing_writes_is_too_much(made_log):
    lane, row = made_log.held("documents")[0]
    made_log.put("documents", lane, RowKey(lane, "acme", "other").key, row.value())
    [told] = (await made_log.rebuilding().compare()).differences
    assert (told.verdict, told.tenant, told.scope) == ("extra", "acme", "other")


async def test_a_row_that_comes_late_is_passed_over_as_a_worker_does(made_log):
    lane, row = made_log.held("documents")[0]
    made_log.put("documents", lane, row.key(), row.value())
    made_log.put("documents", lane, row.key(), None, fence=b"older")
    assert (await made_log.rebuilding().compare()).status == 0


async def test_a_changelog_that_is_gone_is_told(made_log):
    for place in [place for place in made_log.broker.rows if place[0] == changelog_of("sessions")]:
        del made_log.broker.rows[place]
    report = await made_log.rebuilding().compare()
    assert report.lost == [changelog_of("sessions")]
    assert set(report.counts["sessions"]) == {"missing"}
    assert report.status == 1


async def test_a_changelog_that_lost_its_tail_lacks_rows(made_log):
    for (topic, _), rows in made_log.broker.rows.items():
        if topic == changelog_of("placeholders"):
            rows.messages, rows.end = rows.messages[:1], min(rows.end, 1)
    report = await made_log.rebuilding().compare()
    counts = verdicts(report, "placeholders")
    assert counts["missing"] + counts["different"] > 0
    assert verdicts(report, "documents", "sessions", "releases") == dict.fromkeys(counts, 0)


async def test_one_table_is_compared_alone(made_log):
    report = await made_log.rebuilding(["sessions"]).compare()
    assert set(report.counts) == {"sessions"}


def test_what_it_is_made_with_is_asked_of_the_broker(kept):
    of = log_to_make_of(kept.log, kept.of.settings, lambda *_: {"a": "1"})
    assert (of.topics, of.folded, of.people) == ({"a": "1"}, {}, frozenset())
