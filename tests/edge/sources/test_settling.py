"""Settling: how what a source handed in ends is read from the log, and waited for."""

from __future__ import annotations

import itertools
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from edge.sources.run_report import TOLD_MAX
from edge.sources.run_watcher import RunWatcher
from edge.sources.settling import STALL_S, EndedRequest, EndingsLog, Settling, Stalled
from edge.sources.source_history import RunWish
from schemas import Batch, ChunksIndexed, DocumentRef, EventRejected
from streams.topics import topic_of
from tests.edge.sources.followed import CODEC
from tests.fake_clock import FakeClock
from tests.fakes import a_meta

LATER_MS = 4_000_000_000_000  # of records that come after whatever a test does


@pytest.fixture
def folder(acme, tmp_path):
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (folder / name).write_text(f"text of {name}")
    acme.add("handbook", folder)
    return folder


def ended(event, outcome="indexed", reason="", *, last=True):
    """Make the record that a submission comes to."""
    meta = a_meta(event.meta.tenant, event.document, event.meta.request, lane=event.meta.lane)
    ref = DocumentRef(document=event.document, version=1, uri=event.uri)
    batch = Batch(number=0, last=last)
    return ChunksIndexed(meta=meta, document=ref, batch=batch, outcome=outcome, reason=reason)


def rejected(event, message):
    meta = a_meta(event.meta.tenant, event.document, event.meta.request, lane=event.meta.lane)
    told = {"topic": topic_of(type(event)), "partition": event.meta.lane, "offset": 0}
    return EventRejected(
        meta=meta, **told, step="ingest", error="Permanent", message=message, attempts=1
    )


class Steps:
    """The steps behind ingest: whenever somebody looks, what was handed in ends as a test says."""

    def __init__(self, acme, outcome_of):
        self.acme, self.outcome_of, self.done = acme, outcome_of, set()
        self.since = []

    def endings(self, since_us):
        """Open the endings as a desk does."""
        self.since.append(since_us)
        consumer = self.acme.broker.consumer()
        return StepsAtWork(
            self, self.acme.settings, CODEC, self.acme.tenant, since_us, consumer=consumer
        )

    def work(self):
        for event in self.acme.submitted:
            if event.meta.id not in self.done and (record := self.outcome_of(event)) is not None:
                self.done.add(event.meta.id)
                topic, lane = topic_of(type(record)), event.meta.lane
                value = CODEC.encode(record)
                self.acme.broker.put(topic, value, partition=lane, time_ms=LATER_MS)

    def run(self, **wish):
        with self.acme.desk(endings=self.endings) as desk:
            return desk.run(desk.configured("handbook"), RunWish(wait=True, **wish))


class StepsAtWork(EndingsLog):
    """The log's endings, which grow whenever somebody looks."""

    def __init__(self, steps, *told, **consumer):
        super().__init__(*told, **consumer)
        self._steps = steps

    def look(self, wait_s):
        self._steps.work()
        return super().look(wait_s)


def test_a_run_that_waits_tells_how_each_document_ended(acme, folder):
    outcomes = {
        "a.md": ended,
        "b.md": lambda event: ended(event, "failed", "it is damaged"),
        "c.md": lambda event: rejected(event, "no key"),
    }
    report = Steps(acme, lambda event: outcomes[event.uri.rpartition("/")[2]](event)).run()
    assert report.counts["added"] == 3
    told = report.settled.as_json()
    assert (told["indexed"], told["failed"], told["under_way"]) == (1, 2, 0)
    assert {(one["name"].rpartition("/")[2], one["reason"]) for one in told["failures"]} == {
        ("b.md", "it is damaged"),
        ("c.md", "no key"),
    }
    assert not report.went_well


def test_batches_before_the_last_and_what_others_hand_in_end_nothing(acme, folder):
    steps = Steps(acme, lambda event: ended(event, last=False))
    with acme.desk(endings=steps.endings) as desk:
        desk.run(desk.configured("handbook"), RunWish())
    with steps.endings(0) as endings:
        assert {one.status for one in endings.look(0)} == {""}
        theirs = ended(acme.submitted[0])
        theirs = structs.replace(theirs, meta=structs.replace(theirs.meta, tenant="stranger"))
        lane = theirs.meta.lane
        acme.broker.put(topic_of(ChunksIndexed), CODEC.encode(theirs), partition=lane)
        acme.broker.put(topic_of(ChunksIndexed), b"none of ours", partition=lane)
        assert list(endings.look(0)) == []
        ours = CODEC.encode(ended(acme.submitted[0]))
        acme.broker.put(topic_of(ChunksIndexed), ours, partition=lane)
        assert [one.request for one in endings.look(0)] == [acme.submitted[0].meta.request]


def test_a_run_that_was_cut_off_is_waited_for_by_the_next(acme, folder):
    """What it had handed in is not handed in again, and yet it may fail."""

    class CutOff(RunWatcher):
        def found(self):
            if len(acme.seen) == 2:
                raise KeyboardInterrupt

    with acme.desk() as desk, pytest.raises(KeyboardInterrupt):
        desk.run(desk.configured("handbook"), RunWish(), CutOff())
    before = len(acme.submitted)
    assert 2 <= before <= 3
    steps = Steps(acme, lambda event: ended(event, "failed", "damaged"))
    report = steps.run()
    assert steps.since == [acme.ran[0].meta.at]
    assert report.settled.failed == 3
    assert len({event.meta.id for event in acme.submitted}) == 3


def test_the_run_before_is_waited_for_and_none_before_that(acme, folder):
    with acme.desk() as desk:
        desk.run(desk.configured("handbook"), RunWish())
    steps = Steps(acme, ended)
    assert steps.run().settled.indexed == 3  # they were handed in by the run before
    assert steps.run().settled.indexed == 0  # the run before handed in nothing
    (folder / "d.md").write_text("new")
    assert steps.run().settled.indexed == 1
    begun = [ran.meta.at for ran in acme.ran if ran.state == "begun"]
    assert steps.since == begun[:3]


def test_what_is_seen_again_or_withdrawn_is_not_taken_for_handed_in(acme, folder):
    steps = Steps(acme, ended)
    steps.run()
    (folder / "a.md").write_text("text of a.md")  # another time, the same text: noted
    (folder / "b.md").unlink()
    with acme.desk() as desk:
        desk.run(desk.configured("handbook"), RunWish())
    assert [one.state for one in acme.seen[-2:]] == ["held", "gone"]
    assert steps.run().settled.as_json()["under_way"] == 0


def looked(*looks):
    """Tell at each look what ended since the one before, and then nothing."""
    left = iter(looks)
    return lambda _wait_s: iter(next(left, ()))


@given(st.lists(st.sampled_from(["indexed", "deleted", "failed"]), max_size=30), st.data())
def test_each_request_ends_once_whatever_the_order_and_however_often_it_is_told(outcomes, data):
    names = [f"r-{number}" for number in range(len(outcomes))]
    endings = [EndedRequest(*pair, "why") for pair in zip(names, outcomes, strict=True)]
    told = data.draw(st.permutations([*endings, *endings[:5], EndedRequest("other", "failed")]))
    cut = data.draw(st.integers(0, len(told)))
    with closing(Shown()) as shown, Settling(looked(told[:cut], told[cut:]), shown) as settling:
        for name in [*names, *names[:3]]:
            settling.expect(name, f"{name}.md")
        settling.wait()
        report = settling.report()
    assert [report.indexed, report.deleted, report.failed, report.left] == [
        *map(outcomes.count, ("indexed", "deleted", "failed")),
        0,
    ]
    assert {one.name for one in report.told} == {
        f"{name}.md" for name, outcome in zip(names, outcomes, strict=True) if outcome == "failed"
    }
    assert not outcomes or shown.last == (len(outcomes), len(outcomes))


class Shown(RunWatcher):
    """Remembers what was shown last."""

    last = None

    def settled(self, done, asked):
        self.last = done, asked

    def close(self): ...


def test_of_many_that_failed_the_first_are_told_and_all_are_counted():
    names = [f"r-{number}" for number in range(TOLD_MAX + 5)]
    endings = [EndedRequest(name, "failed", "why") for name in names]
    with Settling(looked(endings), RunWatcher()) as settling:
        for name in names:
            settling.expect(name, name)
        settling.wait()
        assert settling.report().failed == TOLD_MAX + 5
        assert len(settling.report().told) == TOLD_MAX


def test_waiting_ends_where_for_long_nothing_ends_and_not_before():
    clock = FakeClock()
    ends = itertools.count()

    def look(_wait_s):
        clock.now += STALL_S * 0.6
        number = next(ends)
        return iter([EndedRequest(f"r-{number}", "indexed")] if number < 5 else [])

    with Settling(look, RunWatcher(), clock) as settling:
        for number in range(6):
            settling.expect(f"r-{number}", f"{number}.md")
        with pytest.raises(Stalled, match="1 of what was handed in made no progress for 600 s"):
            settling.wait()
        assert settling.report().indexed == 5


def test_of_a_document_its_newest_request_counts():
    looks = looked([EndedRequest("r-1", "failed", "why")], [EndedRequest("r-2", "indexed")])
    with Settling(looks, Shown()) as settling:
        settling.expect("r-1", "a.md")
        assert settling.look()
        settling.expect("r-2", "a.md")
        assert settling.report().left == 1
        settling.wait()
        report = settling.report()
    assert (report.indexed, report.failed, report.told, report.left) == (1, 0, [], 0)


@pytest.mark.parametrize(("is_rejected", "counted"), [(False, (1, 0)), (True, (0, 1))])
def test_what_was_never_there_counts_as_withdrawn_and_what_was_given_up_does_not(
    is_rejected, counted
):
    ending = EndedRequest("r-1", "failed", "no such document was ever ingested", is_rejected)
    with Settling(looked([ending]), RunWatcher()) as settling:
        settling.expect("r-1", "a.md", withdraws=True)
        settling.wait()
        assert (settling.report().deleted, settling.report().failed) == counted
