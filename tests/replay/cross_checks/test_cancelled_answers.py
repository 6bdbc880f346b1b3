"""What a record says of a cancellation is held against the cancellations on the log."""

import dataclasses

import pytest
from msgspec.structs import replace

from replay.archive import BadArchive
from replay.selection import Selection
from schemas import CancellationRequested, Generate, Generated
from streams.log.addressing import address_of
from streams.log.producer_signature import SignedRecord
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign
from tests.replay.little_log import (
    ANSWERS,
    CONFIGURATION,
    asked,
    changed,
    configuration_set,
    fake_run,
    put,
    verified,
)

STOPPED = ANSWERS | {
    Generate: lambda _: [Generated(tokens=(), last=True, finish_reason="cancelled")]
}
WISHES = topic_of(CancellationRequested)


async def a_log(*wishes, begun_late=False):
    """A question whose run says that it was cancelled, and what was wished."""
    log, event = MemoryLog(), asked(0)
    put(log, configuration_set(), key=CONFIGURATION.digest.encode())
    put(log, event)
    run = fake_run(event, 0, ANSWERS if begun_late else STOPPED)
    run.is_cancelled = begun_late
    await run.execute()
    for outcome in (*run.outcomes, *wishes):
        put(log, outcome, partition=0)  # whatever a wish says of its lane
    return log


def a_wish(subject="u", **meta):
    return CancellationRequested(meta=a_meta(**{"request": "r-0", **meta}), subject=subject)


@pytest.mark.parametrize("begun_late", [True, False])
@pytest.mark.parametrize(
    "wishes",
    [[], [a_wish("other")], [a_wish(request="r-1")], [a_wish(tenant="globex")], [a_wish(lane=1)]],
)
async def test_what_nobody_cancelled_was_not_cancelled(begun_late, wishes):
    report = await verified(await a_log(*wishes, begun_late=begun_late))
    reasons = {one.reason.rpartition(": ")[2] for one in report.diverged}
    assert "no record cancels the answer" in reasons


@pytest.mark.parametrize("begun_late", [True, False])
async def test_what_somebody_cancelled_verifies(begun_late):
    report = await verified(await a_log(a_wish(), a_wish(), begun_late=begun_late))
    assert (report.diverged, report.equal) == ([], report.records)
    assert report.records


@pytest.mark.parametrize(
    "selection",
    [{"tenant": "acme"}, {"request": "r-0"}, {"since_us": 1}, {"since_us": 1, "tenant": "acme"}],
)
async def test_a_wish_counts_whatever_is_selected(selection):
    log = await a_log(a_wish(at=0))
    assert asked(0).meta.at >= 1
    report = await verified(log, Selection(**selection))
    assert (report.diverged, report.unverifiable, report.equal) == ([], [], report.records)
    assert report.records


class FakeTrimmedLog(MemoryLog):
    """A log of which something became of the wishes since."""

    begin, broken = 0, False

    def extents(self):
        extents = super().extents()
        if place := extents.get((WISHES, 0)):
            extents[WISHES, 0] = dataclasses.replace(place, begin=self.begin)
        return extents

    def records(self, topic, partition):
        if topic == WISHES and self.broken:
            raise BadArchive("its file is gone")
        begin = self.begin if topic == WISHES else 0
        return (one for one in super().records(topic, partition) if one.offset >= begin)


def lost(log, how):
    """Lose the wish, which is the first one of its topic."""
    log.__class__ = FakeTrimmedLog
    log.begin, log.broken = int(how == "retention"), how == "no file"
    if how == "unreadable":
        log.topics[WISHES, 0][0].value = b"?"


@pytest.mark.parametrize("begun_late", [True, False])
@pytest.mark.parametrize("others", [[], [a_wish(request="r-1")]])
@pytest.mark.parametrize("how", ["retention", "no file", "unreadable"])
async def test_what_was_cancelled_by_a_wish_that_is_gone_can_not_be_verified(
    begun_late, others, how
):
    log = await a_log(a_wish(), *others, begun_late=begun_late)
    lost(log, how)
    report = await verified(log)
    assert {one.topic for one in report.diverged} <= {WISHES}
    [doubt] = report.unverifiable
    assert "by whom can't be told" in doubt.reason
    assert report.equal == report.records - 1


@pytest.mark.parametrize("begun_late", [True, False])
@pytest.mark.parametrize("signed", [False, True])
async def test_a_wish_that_nobody_signed_cancels_nothing_for_sure(begun_late, signed):
    log, keys = await a_log(begun_late=begun_late), ProducerKeys({WISHES: [0]})
    acme = keys.signer("acme")
    must_sign(log, keys)
    value = a_codec().encode(wish := a_wish())
    _, partition, key, headers = address_of(wish)
    header = acme.header(SignedRecord(WISHES, key, value, "acme"))
    log.put(WISHES, value, key, partition, (*headers, *[header] * signed))
    report = await verified(log)
    assert report.diverged == []
    assert [one.reason.partition(",")[0] for one in report.unverifiable] == [
        "it was cancelled by a wish that nobody signed"
    ] * (not signed)
    assert report.equal == report.records - len(report.unverifiable)


async def test_a_wish_that_is_gone_excuses_no_other_words():
    log = await a_log(a_wish())
    lost(log, "retention")
    changed(log, -1, lambda record: replace(record, text="another"))
    report = await verified(log)
    assert (len(report.diverged), report.unverifiable) == (1, [])


async def test_what_nobody_cancelled_needs_no_wish_that_is_gone():
    log = await a_log(a_wish())
    put(log, event := asked(1))
    run = fake_run(event, 1, ANSWERS)
    await run.execute()
    for outcome in run.outcomes:
        put(log, outcome)
    lost(log, "retention")
    report = await verified(log)
    assert (report.diverged, len(report.unverifiable), report.equal) == ([], 1, report.records - 1)
