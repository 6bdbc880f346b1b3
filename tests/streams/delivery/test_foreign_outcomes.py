"""Outcomes of another version, whose schemas the registry does not tell, when a lane is taken over."""

from itertools import repeat

import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.trivial_steps import generated
from schemas import Cause, StepVersion
from schemas.definitions import self_contained
from streams.delivery.foreign_outcomes import outcome_by_its_meta
from streams.delivery.lane import Lane
from streams.delivery.takeover import Takeover
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import step
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker
from tests.memory_registry import MemoryRegistry
from tests.streams.delivery.test_takeover import GENERATED, GIVEN, INPUTS, PARTITION, RETRIEVED

FOREIGN = 900
"""The id of a schema of another version."""


def foreign(event):
    """A record as another version writes it: the same beginning, and more behind it."""
    value = b"\0" + FOREIGN.to_bytes(4, "big") + a_codec().encode(event)[5:] + b"and more"
    return value, address_of(event)


async def taken_over(registry, *rows, grace_s):
    """Let a worker take a lane over of which some inputs were done by a newer version."""
    broker = a_broker()
    broker.skip(RETRIEVED, PARTITION, 9)
    for value, at in rows:
        broker.put(GENERATED, value, partition=PARTITION, key=at.key, headers=at.headers)
    takeover = Takeover(
        step("generate"),
        Settings(),
        Codec(registry),
        (),
        open_consumer=lambda *_: broker.consumer(),
        topic_ids=lambda *_: {},
        between_tries=lambda: repeat(0.002),
        grace_s=grace_s,
    )
    lane = Lane(RETRIEVED, PARTITION, 0, INPUTS)
    await takeover.learn([lane], {})
    return lane.progress()


def an_outcome(offset, **fields):
    cause = Cause(topic=RETRIEVED, partition=PARTITION, offset=offset, id=f"in-{offset}")
    version = StepVersion(name="generate", code="next", configuration="c")
    meta = a_meta(id=f"out-{offset}", lane=PARTITION, cause=cause, **{"step": version, **fields})
    return stamped(generated(GIVEN, 0, last=meta.last), meta)


async def test_what_a_registry_never_tells_is_known_by_its_meta_and_not_run_again():
    registry = MemoryRegistry({})
    rows = [foreign(an_outcome(3)), foreign(an_outcome(5, last=False, attempt=4))]
    progress = await taken_over(registry, *rows, grace_s=0.02)
    assert registry.asked.count(FOREIGN)
    assert (progress.closed, progress.open) == ({3}, {5: 4})


async def test_what_a_lagging_registry_tells_within_the_grace_is_read_by_its_definition():
    class Lagging(MemoryRegistry):
        def definition_of(self, schema_id):
            if self.asked.count(schema_id) == 3:
                self.hear(schema_id, self_contained("TokensGenerated"))
            return super().definition_of(schema_id)

    value, at = foreign(an_outcome(3))
    value = value.removesuffix(b"and more")
    nameless = at._replace(headers=())  # its meta would not be believed
    taken = await taken_over(Lagging({}), (value, nameless), grace_s=60.0)
    assert taken.closed == {3}


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({}, {"headers": ()}),
        ({}, {"headers": (("id", b"another"), ("request", b"r-1"))}),
        ({}, {"headers": (("id", b"out-3"), ("request", b"another"))}),
        ({}, {"key": b"another"}),
        ({"step": StepVersion(name="retrieve", code="next", configuration="c")}, {}),
        ({"attempt": 0}, {}),
    ],
    ids=["nameless", "id", "request", "tenant", "step", "attempt"],
)
async def test_bytes_that_do_not_say_what_stands_beside_them_are_no_outcome(fields, beside):
    value, at = foreign(an_outcome(3, **fields))
    row = value, at._replace(**beside)
    assert (await taken_over(MemoryRegistry({}), row, grace_s=0.0)).closed == set()


@given(junk=st.binary(max_size=60))
@settings(max_examples=30, deadline=None)
def test_whatever_bytes_lie_under_an_unknown_schema_end_no_takeover(junk):
    message = Message(
        topic=GENERATED, partition=PARTITION, key=b"acme", value=b"\0" + bytes(4) + junk
    )
    assert outcome_by_its_meta(message, "generate") is None
