"""What is believed of a log before a step has read it is what the first steps would believe."""

import pytest
from msgspec.structs import replace

from replay.proved_records import ProvedRecords
from schemas import AnswerRetracted, Ask, QuestionAsked, Sealed, SessionForked, Verdict
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed

ASKED = topic_of(QuestionAsked)
SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")


def a_question(number=0, **meta):
    name = f"r-{number}"
    return QuestionAsked(
        meta=a_meta(request=name, id=name, **meta), subject="u", text=SEALED, ask=Ask()
    )


def admitted(log, kind=QuestionAsked):
    proved = ProvedRecords(log, a_codec())
    rows = [row for rows in log.topics.values() for row in rows if row.topic == topic_of(kind)]
    return [event and event.meta.request for event in (proved.admitted(kind, row) for row in rows)]


def test_where_nobody_must_sign_a_record_counts_that_lies_where_its_tenants_do():
    log = MemoryLog()
    put_signed(log, a_question(1))
    log.put(ASKED, a_codec().encode(a_question(2)), key=b"globex")
    log.put(ASKED, a_codec().encode(a_question(3)), partition=1)
    log.put(ASKED, None)
    log.put(ASKED, b"?")
    assert admitted(log) == ["r-1", None, None, None, None]


@pytest.mark.parametrize("signs", ["acme", "*", "globex", None])
def test_where_producers_must_sign_it_is_theirs_who_sign_for_the_tenant(signs):
    log, keys = MemoryLog(), ProducerKeys({ASKED: [1]})
    signer = keys.signer(signs) if signs else None
    must_sign(log, keys)
    put_signed(log, a_question(0))  # from before it was asked for
    put_signed(log, a_question(1), signer)
    assert admitted(log) == ["r-0", "r-1" if signs in ("acme", "*") else None]


def test_a_signature_is_of_one_record():
    log, keys = MemoryLog(), ProducerKeys({ASKED: [0]})
    signer = keys.signer("acme")
    must_sign(log, keys)
    put_signed(log, a_question(1), signer)
    [row] = log.topics[ASKED, 0]
    log.put(ASKED, a_codec().encode(a_question(2)), key=row.key, headers=row.headers)
    assert admitted(log) == ["r-1", None]


def test_what_steps_write_nobody_signs():
    log, keys = MemoryLog(), ProducerKeys({ASKED: [0]})
    must_sign(log, keys)
    retracted = AnswerRetracted(
        meta=a_meta(request="r-1"), reason="", verdict=Verdict(allowed=False), subject="u"
    )
    put_signed(log, retracted)
    assert admitted(log, AnswerRetracted) == ["r-1"]


def test_a_record_of_another_kind_is_none_of_it():
    log = MemoryLog()
    put_signed(log, a_question(1))
    [row] = log.topics[ASKED, 0]
    proved = ProvedRecords(log, a_codec())
    assert proved.admitted(SessionForked, row) is None
    assert proved.admitted(QuestionAsked, row) == a_question(1)
    moved = replace(a_question(1), subject="v")
    log.put(topic_of(SessionForked), a_codec().encode(moved))
    [other] = log.topics[topic_of(SessionForked), 0]
    assert proved.admitted(QuestionAsked, other) is None
