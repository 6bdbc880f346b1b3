"""Lanes that go and come again, at any moment: what is committed has its whole outcome on the log."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from itertools import repeat

import pytest

from agents.errors import Permanent
from schemas import Ask, QuestionAsked, QuestionRedacted, Sealed
from streams.delivery import runner as runners
from streams.delivery.commits import due
from streams.delivery.faust_shell import new_app
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.opening import Opener
from streams.delivery.processing import Processor, Services
from streams.delivery.progress import ownership_of
from streams.delivery.runner import Runner
from streams.delivery.takeover import Takeover
from streams.log.configuration import load
from streams.running.world import World
from streams.settings import Settings
from streams.topics import step, topic_of
from tests.fakes import DIGEST_KEY, a_codec, a_meta
from tests.memory_broker import a_broker
from tests.streams.delivery.memory_publisher import MemoryPublisher, sent

ASKED = topic_of(QuestionAsked)
MOVES = 40
TURNS_MAX = 5_000
"""Of the event loop, within which all inputs must be done once nothing disturbs."""


async def stumbles(event, _fx):
    """Write as many records as the subject says, with pauses; then fail if it ends with "!"."""
    for _ in range(int(event.subject.strip("!"))):
        await asyncio.sleep(0)
        yield QuestionRedacted(outcome="redacted", subject="u", text="t", ask=Ask(deadline=0))
    if event.subject.endswith("!"):
        raise Permanent("it fails")


class MovingLane:
    """A runner of one lane, whose group takes the lane away and gives it back."""

    def __init__(self, tmp_path, seed):
        self.chance = random.Random(seed)
        self.broker, self.codec = a_broker(), a_codec()
        app = new_app("playhead-redact", Settings(run=tmp_path), Memory(1_000_000))
        app.consumer.claim = self.claim
        app._publisher = self.publisher = MemoryPublisher(self.broker)
        self.publisher.slow = True
        made = dataclasses.replace(step("redact"), function=stumbles)
        services = Services(
            settings=Settings(backoff_ms=1, patience_ms=0),
            codec=self.codec,
            world=World((), 1.0),
            digest_key=lambda _: DIGEST_KEY,
            configurations=load(),
        )
        self.runner = Runner(app, made)
        self.runner._takeover = takeover = Takeover(
            made,
            app.settings,
            self.codec,
            (),
            open_consumer=lambda *_: self.broker.consumer(),
            topic_ids=lambda *_: {},
        )
        processor = Processor(
            made, services, lambda: self.publisher, takeover.history, self.runner.counts
        )
        self.runner._opener = Opener(
            "redact",
            self.runner._reads,
            self.codec,
            processor,
            self.runner._spawn,
            holds=lambda *_: True,
        )
        self.committed, self.note = 0, ""
        self.asked = self.read = 0
        self.lane = None

    # ------------------------------------------------------------------ moves

    def ask(self):
        for _ in range(self.chance.randint(1, 4)):
            request = f"r-{self.asked}"
            event = QuestionAsked(
                meta=a_meta(request=request, session=f"s-{self.chance.randint(0, 2)}"),
                subject=self.chance.choice(["1", "2", "3", "0!", "1!", "2!"]),
                text=Sealed(key="user/u", event=request, field="text", ciphertext=b"c"),
                ask=Ask(deadline=2**60),
            )
            self.broker.put(ASKED, self.codec.encode(event), key=b"acme")
            self.asked += 1

    async def turn(self):
        for _ in range(self.chance.randint(1, 12)):
            self.take()
            await asyncio.sleep(0)
            if self.chance.random() < 0.2:
                self.publisher.settle()

    def away(self):
        self.broker.away = True

    def back(self):
        self.broker.away = False

    def commit(self):
        """Have the group note what is done, if it answers; nothing may be committed too early."""
        for commit in due([self.lane]) if self.lane is not None else []:
            if not self.broker.away:
                self.committed, self.note = commit.offset, commit.note
                commit.lane.requested, commit.lane.committed_changes = (
                    commit.offset,
                    commit.changes,
                )
                assert set(range(self.committed)) <= self.closed()

    async def claim(self, claims):
        """Have the group take the lane for ours, or not yet."""
        if self.chance.random() < 0.2:
            return False
        for _, self.committed, self.note, _ in claims:
            assert ownership_of(self.committed, self.note) is not None
        return True

    async def revoked(self):
        if self.lane is not None:
            await self.runner._revoked([self.lane], in_good_order=True)
            self.commit()
            self.lane = None

    async def lost(self):
        if self.lane is not None:
            self.lane.revoked = True
            await self.runner._revoked([self.lane], in_good_order=False)
            self.lane = None

    async def comes(self):
        if self.lane is None:
            self.back()  # who can't read what was done waits for the broker
            self.lane = Lane(ASKED, 0, self.committed, 8, note=self.note)
            self.lane.untouched = not self.note
            self.read = self.committed
            self.runner._assigned([self.lane])
            while self.chance.random() < 0.99 and not self.lane.learned:  # noqa: ASYNC110 - or at once
                await asyncio.sleep(0.001)

    # ------------------------------------------------------------------ what is seen

    def take(self):
        if self.lane is not None and not self.lane.revoked:
            messages = self.broker.rows[ASKED, 0].at(self.read)
            records = [(one.offset(), 1, b"acme", one) for one in messages]
            self.read += len(records)
            self.lane.reserve(records)
            self.runner._take([(self.lane, records)] if records else [])

    def outcomes(self):
        """The outcomes on the log: (offset of the input, attempt) -> (number, last) in their order."""
        runs = {}
        for message in sent(self.broker, "playhead.question.redacted", "playhead.event.rejected"):
            meta = self.codec.decode_any(message.value()).meta
            runs.setdefault((meta.cause.offset, meta.attempt), []).append((meta.ordinal, meta.last))
        return runs

    def closed(self):
        """Offsets of inputs of which a run lies on the log as a whole."""
        return {
            offset
            for (offset, _), run in self.outcomes().items()
            if sorted(run) == [(n, n == len(run) - 1) for n in range(len(run))]
        }

    async def done(self):
        """Disturb nothing any more, and wait until all is done."""
        self.back()
        await self.comes()
        for _ in range(TURNS_MAX):
            await self.turn()
            if self.lane.learned and self.lane.safe == self.asked:
                return
        raise AssertionError(f"{self.lane.safe} of {self.asked} inputs are done")


@pytest.mark.parametrize("seed", range(60))
async def test_what_is_committed_has_its_whole_outcome_on_the_log(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(runners, "REVOKED_GRACE_S", 0.0)
    monkeypatch.setattr(runners, "PUBLISHED_S", 0.05)
    monkeypatch.setattr(runners, "pauses", lambda: repeat(0.0))
    moving = MovingLane(tmp_path, seed)
    moves = [moving.ask, moving.turn, moving.turn, moving.away, moving.back, moving.commit]
    moves += [moving.revoked, moving.lost, moving.comes, moving.comes]
    for _ in range(MOVES):
        move = moving.chance.choice(moves)
        if (waits := move()) is not None:
            await waits
    await moving.done()
    assert moving.closed() == set(range(moving.asked))
    moving.commit()
    assert moving.committed == moving.asked


async def test_who_gives_a_lane_up_in_good_order_leaves_its_epoch_and_who_loses_it_does_not(
    tmp_path,
):
    moving = MovingLane(tmp_path, 0)
    moving.chance.random = lambda: 0.5
    moving.ask()
    epochs = []
    for goes in (moving.revoked, moving.revoked, moving.lost, moving.revoked, moving.revoked):
        await moving.comes()
        epochs.append(ownership_of(moving.committed, moving.note).epoch)
        for _ in range(9):
            await moving.turn()
            moving.publisher.settle()
        await goes()
    assert epochs == [0, 0, 0, 1, 1]
