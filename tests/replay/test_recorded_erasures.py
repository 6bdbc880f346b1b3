"""What a log says of erasures: all of it, as it grows, as far as somebody's word counts."""

import pytest

from replay.recorded_erasures import RecordedErasures, erasures_in, people_erased, read_of
from schemas import (
    ErasureRequested,
    LegalHoldSet,
    PersonErased,
    StepVersion,
)
from streams.log.ids import outcome_id
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed

CODEC = a_codec()
ERASING = StepVersion(name="erase", code="test", configuration="")


def put(log, event, signer=None):
    put_signed(log, event, signer)


def ask(log, request="r-1", signer=None, lane=0):
    asked = ErasureRequested(meta=a_meta(request=request, id=request, lane=lane), subject="jane")
    put(log, asked, signer)
    return asked


def erase(log, asked):
    meta = a_meta(
        request=asked.meta.request,
        id=outcome_id(asked.meta.id, "erase", 0),
        step=ERASING,
        last=True,
    )
    put(log, PersonErased(meta=meta, subject="jane", keys=()))


def states(told):
    return {request: one.state for (_, request), one in told.erasures.items()}


def test_what_was_asked_done_and_held_is_read_in_all_lanes():
    log = MemoryLog()
    erase(log, ask(log, lane=1))
    put(log, LegalHoldSet(meta=a_meta(), subject="joe", held=True))
    ask(log, "r-2")
    told = erasures_in(log, CODEC)
    assert states(told) == {"r-1": "erased", "r-2": "requested"}
    assert people_erased(log, CODEC) == {("acme", "jane")}
    assert [hold.subject for hold in told.holds("acme")] == ["joe"]


@pytest.mark.parametrize(("signs", "counts"), [(None, False), ("*", True)])
def test_where_producers_must_sign_a_request_counts_that_one_signed(signs, counts):
    log, keys = MemoryLog(), ProducerKeys({topic_of(ErasureRequested): [0]})
    signer = signs and keys.signer(signs)
    must_sign(log, keys)
    ask(log, signer=signer)
    assert bool(erasures_in(log, CODEC).erasures) is counts


def test_a_log_that_grows_is_read_on():
    log, read = MemoryLog(), RecordedErasures(CODEC)
    assert not read.learn(log)
    asked = ask(log)
    assert read.learn(log)
    assert not read.learn(log)
    erase(log, asked)
    assert read.learn(log)
    assert states(read.told) == {"r-1": "erased"}


def test_what_can_not_be_read_says_nothing():
    log = MemoryLog()
    log.put(topic_of(ErasureRequested), b"nonsense")
    log.put(topic_of(ErasureRequested), None)
    assert not erasures_in(log, CODEC).erasures


def test_it_is_read_where_it_can_lie():
    places = set(read_of(2))
    assert {(topic_of(ErasureRequested), 0), (topic_of(ErasureRequested), 1)} <= places
    assert (topic_of(PersonErased), 0) in places
    assert (topic_of(PersonErased), 1) not in places
