"""Every record of one request is found, and of no other."""

import pytest

from replay.one_request import events_of, events_of_each
from streams.topics import topic_of
from tests.replay.little_log import ASKED, CONFIGURATION_TOPIC, REDACTED, a_log


async def test_the_records_of_a_request_are_its_own_and_what_followed():
    events = events_of(await a_log(3), "r-1")
    assert [topic_of(event) for event in events] == [ASKED, REDACTED, REDACTED, REDACTED]
    assert {event.meta.request for event in events} == {"r-1"}


async def test_an_id_that_only_begins_another_is_another():
    log = await a_log(12)
    assert {event.meta.request for event in events_of(log, "r-1")} == {"r-1"}


async def test_of_several_requests_each_has_its_own_records():
    log = await a_log(12)
    found = events_of_each(log, ["r-3", "r-10", "r-99"])
    assert [len(events) for events in found.values()] == [4, 4, 0]
    assert found["r-3"] == events_of(log, "r-3")
    assert found["r-10"] == events_of(log, "r-10")


@pytest.mark.parametrize("value", [b"no avro but r-1", None])
async def test_what_can_not_be_read_is_passed_over(value):
    log = await a_log(2)
    log.put(REDACTED, value)
    assert len(events_of(log, "r-1")) == 4


async def test_topics_outside_a_request_are_not_read():
    log = await a_log(2)
    log.put(CONFIGURATION_TOPIC, log.topics[ASKED, 0][1].value)
    assert len(events_of(log, "r-1")) == 4


async def test_an_unknown_request_says_what_a_request_is():
    with pytest.raises(LookupError, match=r"no record of request r-9: .*request_id of an answer"):
        events_of(await a_log(1), "r-9")
