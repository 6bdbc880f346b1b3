"""A slot: who was fenced once joins again, who is fenced again soon looks whose it is."""

import asyncio
import dataclasses
import uuid

import pytest
from confluent_kafka import Consumer

from streams.delivery.slot import Slot, holder_of, instance_of
from streams.log.offsets import NoAnswer
from streams.settings import Settings
from tests.fake_clock import FakeClock

SLOT = Settings(slot="worker-1")


def told_by(slot, *answers):
    """Whether a slot is found free, look by look."""
    return [slot.is_free() for _ in answers]


def a_slot(clock, *answers, settings=SLOT):
    left = list(answers)

    def holder(*_):
        clock.now += 1.0
        answer = left.pop(0)
        if answer is NoAnswer:
            raise NoAnswer("away")
        return answer

    return Slot(settings, "group", holder, clock)


def test_only_who_is_fenced_again_soon_doubts():
    clock = FakeClock()
    slot = a_slot(clock)
    assert [slot.doubtful(), slot.doubtful()] == [False, True]
    clock.now += 60.0
    assert not slot.doubtful()


def test_who_has_no_slot_doubts_nothing():
    slot = a_slot(FakeClock(), settings=Settings())
    assert [slot.doubtful(), slot.doubtful()] == [False, False]


def test_a_session_that_nobody_keeps_alive_is_nobodys():
    slot = a_slot(FakeClock(), *["zombie"] * 8, None)
    assert told_by(slot, *range(9)) == [False] * 8 + [True]
    assert slot.trouble == ""


def test_one_that_outlives_its_time_is_somebodys_whatever_it_is_called():
    names = [f"member-{number}" for number in range(10)]
    slot = a_slot(FakeClock(), *names)
    told_by(slot, *names[:9])
    assert slot.trouble == ""
    assert not slot.is_free()
    assert "(member-9)" in slot.trouble


def test_a_broker_that_does_not_answer_says_nothing_of_anybody():
    slot = a_slot(FakeClock(), "zombie", *[NoAnswer] * 20, None)
    assert told_by(slot, *range(22)) == [False] * 21 + [True]
    assert slot.trouble == ""


# ---------------------------------------------------------------------- who has it


@pytest.mark.stack
def test_a_slot_is_told_by_the_member_that_has_it_and_by_no_other(lone_broker):
    topic, group = lone_broker.new_topic(), uuid.uuid4().hex
    settings = dataclasses.replace(lone_broker.settings, slot="worker-1")
    assert holder_of(settings, group, "worker-1") is None
    config = {"bootstrap.servers": settings.kafka, "group.id": group}
    member = Consumer({**config, "group.instance.id": instance_of(group, "worker-1")})
    came = []
    member.subscribe([topic], on_assign=lambda *_: came.append(1))
    while not came:
        member.poll(0.1)
    assert holder_of(settings, group, "worker-1") == member.memberid()
    assert holder_of(settings, group, "worker") is None
    member.close()


async def test_where_no_broker_answers_nothing_is_told():
    with pytest.raises(NoAnswer):
        await asyncio.to_thread(holder_of, Settings(kafka="127.0.0.1:9"), "group", "worker-1")
