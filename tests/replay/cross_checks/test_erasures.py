"""An erasure that nobody asked for is reported, and one that was asked for is not."""

import pytest
from msgspec.structs import replace

from replay.cross_checks.erasures import ErasureCheck
from replay.verify import Verifier
from schemas import Cause, ErasureRefused, ErasureRequested, PersonErased, StepVersion
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.ids import outcome_id
from streams.log.producer_signature import SignedRecord
from streams.topics import topic_of
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign

ASKED = topic_of(ErasureRequested)
ERASE = StepVersion(name="erase", code="test", configuration="")


def a_request(request="r-1", subject="s", **fields):
    return ErasureRequested(meta=a_meta(request=request, **fields), subject=subject)


def an_outcome(of, kind=PersonErased, offset=0, number=0, **more):
    fields = {"keys": (f"user/{of.subject}", "value/v")} if kind is PersonErased else {"reason": ""}
    meta = a_meta(
        request=of.meta.request,
        id=outcome_id(of.meta.id, "erase", number),
        ordinal=number,
        cause=Cause(topic=ASKED, partition=of.meta.lane, offset=offset, id=of.meta.id),
        step=ERASE,
        last=more.pop("last", True),
    )
    return kind(meta=meta, subject=of.subject, **{**fields, **more})


def checked(*events, proves=lambda _stored, _event: True):
    """Return what speaks against outcomes, and what is doubted of them."""
    log = MemoryLog()
    codec = Codec(log.ids)
    for event in events:
        at = address_of(event)
        log.put(at.topic, codec.encode(event), at.key, at.partition, at.headers)
    check = ErasureCheck(log, codec, proves)
    return [[one.reason for one in told] for told in (check.faults(), check.doubts)]


def faults(*events):
    told, doubts = checked(*events)
    assert doubts == []
    return told


REQUEST = a_request()


@pytest.mark.parametrize(
    "events",
    [
        (REQUEST,),
        (REQUEST, an_outcome(REQUEST)),
        (REQUEST, an_outcome(REQUEST), an_outcome(REQUEST)),
        (REQUEST, an_outcome(REQUEST, last=False), an_outcome(REQUEST, number=1)),
        (REQUEST, an_outcome(REQUEST, last=False), an_outcome(REQUEST, last=False)),
        (REQUEST, an_outcome(REQUEST, ErasureRefused)),
        (a_request(lane=1), an_outcome(a_request(lane=1))),
        (REQUEST, an_outcome(REQUEST, offset=7)),  # behind the end of what is read
        (),
    ],
)
def test_what_follows_from_a_request_is_right(events):
    assert faults(*events) == []


def changed(event, **meta):
    return replace(event, meta=replace(event.meta, **meta))


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (changed(an_outcome(REQUEST), cause=None), "nobody asked"),
        (
            changed(an_outcome(REQUEST), cause=Cause(topic="t", partition=0, offset=0, id="x")),
            "nobody asked",
        ),
        (an_outcome(a_request("r-2")), "no such request lies at"),
        (an_outcome(a_request(subject="other")), "another person"),
        (changed(an_outcome(REQUEST), request="r-9"), "another request"),
        (
            changed(
                an_outcome(REQUEST), step=StepVersion(name="index", code="c", configuration="")
            ),
            "another writer",
        ),
        (changed(an_outcome(REQUEST), id="x"), "its id is not"),
        (an_outcome(REQUEST, keys=("user/s", "user/bob")), "another person's key"),
        (an_outcome(REQUEST, keys=("user/s", "digest")), "what is no key of theirs"),
        (an_outcome(REQUEST, number=1), "part 0 of it is missing"),
    ],
)
def test_what_nobody_asked_for_is_reported(outcome, says):
    [reason] = faults(REQUEST, outcome)
    assert says in reason


def test_a_request_has_one_end():
    told = faults(REQUEST, an_outcome(REQUEST), an_outcome(REQUEST, ErasureRefused))
    assert told == ["its request ended before, by PersonErased"]


def test_a_verification_asks():
    log = MemoryLog()
    outcome = an_outcome(REQUEST)
    at = address_of(outcome)
    log.put(at.topic, Codec(log.ids).encode(outcome), at.key, 0, at.headers)
    [fault] = Verifier(log, {}, lambda _: b"").verify_common().diverged
    assert (fault.topic, fault.step, fault.id) == (at.topic, "erase", outcome.meta.id)


def test_an_erasure_without_any_request_on_the_log_is_reported():
    [reason] = faults(an_outcome(REQUEST))
    assert "no such request lies at" in reason


def test_what_came_of_a_request_that_nobody_signed_is_doubted_and_of_another_one_not():
    def proves(stored, event):
        assert (stored.topic, event.meta.tenant) == (ASKED, REQUEST.meta.tenant)
        return stored.offset != 0

    other = a_request("r-2")
    told, doubts = checked(
        REQUEST, other, an_outcome(REQUEST), an_outcome(other, offset=1), proves=proves
    )
    assert told == []
    assert [one.partition(",")[0] for one in doubts] == ["nobody signed its request"]


def test_what_speaks_against_an_outcome_is_no_doubt():
    wrong = an_outcome(REQUEST, keys=("user/bob",))
    told, doubts = checked(REQUEST, wrong, proves=lambda *_: False)
    assert (len(told), doubts) == (1, [])


@pytest.mark.parametrize(("required_from", "status"), [({ASKED: [0]}, 3), ({ASKED: [1]}, 0)])
def test_a_verification_asks_by_the_producers_on_the_log(required_from, status):
    keys = ProducerKeys(required_from)
    verifier = Verifier(signed_log(keys, REQUEST, an_outcome(REQUEST)), {}, lambda _: b"")
    report = verifier.verify_common()
    assert report.diverged == []
    assert [one.topic for one in report.unverifiable] == [topic_of(PersonErased)] * (status // 3)
    assert report.status == status


def test_a_verification_takes_what_a_producer_signed():
    keys = ProducerKeys({ASKED: [0]})
    signer = keys.signer(REQUEST.meta.tenant)
    verifier = Verifier(signed_log(keys, REQUEST, an_outcome(REQUEST), signer=signer), {}, bytes)
    assert verifier.verify_common().status == 0


def signed_log(keys, *events, signer=None):
    """A log on which producers must sign, and a request is signed by one, or by nobody."""
    log = MemoryLog()
    codec = Codec(log.ids)
    must_sign(log, keys)
    for event in events:
        topic, partition, key, headers = address_of(event)
        value = codec.encode(event)
        if topic == ASKED and signer is not None:
            headers = (*headers, signer.header(SignedRecord(topic, key, value, "acme")))
        log.put(topic, value, key, partition, headers)
    return log
