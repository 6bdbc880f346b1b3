"""What a log says of erasures: all of it, as it grows, as far as somebody's word counts."""

import pytest

from replay.recorded_erasures import (
    RecordedErasures,
    as_proved,
    erasures_in,
    people_erased,
    read_of,
    whoever_asks,
)
from schemas import (
    ConfigurationActivated,
    ErasureRequested,
    LegalHoldSet,
    PersonErased,
    StepVersion,
)
from streams.log.configuration import PRODUCERS
from streams.log.ids import outcome_id
from streams.log.producer_signature import SignedRecord, proof_of
from streams.log.setup import configuration_records
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys

CODEC = a_codec()
ERASING = StepVersion(name="erase", code="test", configuration="")


def put(log, event, signer=None, partition=0):
    topic, key, value = topic_of(event), event.meta.tenant.encode(), CODEC.encode(event)
    headers = proof_of(signer, SignedRecord(topic, key, value, event.meta.tenant))
    log.put(topic, value, key=key, partition=partition, headers=headers)


def ask(log, request="r-1", signer=None, lane=0):
    asked = ErasureRequested(meta=a_meta(request=request, id=request, lane=lane), subject="jane")
    put(log, asked, signer, lane)
    return asked


def erase(log, asked):
    meta = a_meta(
        request=asked.meta.request,
        id=outcome_id(asked.meta.id, "erase", 0),
        step=ERASING,
        last=True,
    )
    put(log, PersonErased(meta=meta, subject="jane", keys=()))


def must_sign(log, keys):
    [record] = configuration_records({PRODUCERS: keys.configuration})
    log.put(topic_of(record), CODEC.encode(record), key=keys.configuration.digest.encode())
    chosen = ConfigurationActivated(
        meta=a_meta(), step=PRODUCERS, digest=keys.configuration.digest, by="ada"
    )
    log.put(topic_of(chosen), CODEC.encode(chosen), key=PRODUCERS.encode())


def states(told):
    return {request: one.state for (_, request), one in told.erasures.items()}


def test_what_was_asked_done_and_held_is_read_in_all_lanes():
    log = MemoryLog()
    erase(log, ask(log, lane=1))
    put(log, LegalHoldSet(meta=a_meta(), subject="joe", held=True))
    ask(log, "r-2")
    told = erasures_in(log, CODEC, holds=as_proved)
    assert states(told) == {"r-1": "erased", "r-2": "requested"}
    assert people_erased(log, CODEC) == {("acme", "jane")}
    assert [hold.subject for hold in told.holds("acme")] == ["joe"]


@pytest.mark.parametrize(
    ("holds", "signs", "counts"),
    [(as_proved, None, False), (as_proved, "*", True), (whoever_asks, None, True)],
)
def test_where_producers_must_sign_a_request_counts_for_whom_it_is_said_to(holds, signs, counts):
    log, keys = MemoryLog(), ProducerKeys({topic_of(ErasureRequested): [0]})
    signer = signs and keys.signer(signs)
    must_sign(log, keys)
    ask(log, signer=signer)
    assert bool(erasures_in(log, CODEC, holds=holds).erasures) is counts


def test_a_log_that_grows_is_read_on():
    log, read = MemoryLog(), RecordedErasures(CODEC, holds=as_proved)
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
    assert not erasures_in(log, CODEC, holds=whoever_asks).erasures


def test_it_is_read_where_it_can_lie():
    places = set(read_of(2))
    assert {(topic_of(ErasureRequested), 0), (topic_of(ErasureRequested), 1)} <= places
    assert (topic_of(PersonErased), 0) in places
    assert (topic_of(PersonErased), 1) not in places
