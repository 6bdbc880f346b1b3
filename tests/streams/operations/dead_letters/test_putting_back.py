"""Which bytes and headers are put back."""

import pytest
from msgspec.structs import replace

from streams.delivery.history import RETRY, rejected_attempt
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.operations.dead_letters.putting_back import Copy, copy_of, put_back, retry_mark
from tests.fakes import a_codec, a_meta
from tests.streams.operations.dead_letters.samples import ASKED, a_letter, a_question


def test_the_headers_are_those_of_the_original_and_a_mark_of_the_rejected_run():
    codec, question = a_codec(), a_question()
    question = replace(question, meta=replace(question.meta, trace="00-t"))
    event = a_letter(5, attempt=3, value=codec.encode(question)).event
    assert dict(copy_of(codec, event).headers) == {
        "id": b"id-of-r-1",
        "request": b"r-1",
        "traceparent": b"00-t",
        RETRY: b"3@5",
    }


def test_bytes_that_could_not_be_read_are_marked_with_no_attempt():
    nobody = a_meta(tenant="", request="")
    event = a_letter(5, meta=nobody, value=b"no avro").event
    assert copy_of(a_codec(), event).headers == ((RETRY, b"0@5"),)
    assert rejected_attempt({RETRY: b"0@5"}) == 0


@pytest.mark.parametrize(
    ("header", "attempt"), [(b"3@5", 3), (b"x@5", 0), (b"", 0), (b"-1@5", 0), (b"9" * 5000, 0)]
)
def test_only_a_number_in_the_mark_counts(header, attempt):
    assert rejected_attempt({RETRY: header}) == attempt


def test_a_record_without_the_mark_is_no_retry():
    assert rejected_attempt({"id": b"3@5"}) == 0


def test_a_request_is_rejected_without_a_cause_and_its_run_has_no_number():
    event = a_letter(5, attempt=2).event
    assert retry_mark(event) == "2@5"
    assert retry_mark(replace(event, meta=replace(event.meta, cause=None))) == "0@5"


def test_a_copy_has_the_bytes_key_and_lane_of_the_original():
    event = a_letter(5, partition=3, key=b"any key", value=b"no avro").event
    assert copy_of(a_codec(), event)[:4] == (ASKED, 3, b"any key", b"no avro")


@pytest.mark.stack
def test_copies_are_published_in_their_order_and_their_offsets_returned(running, topic):
    copies = [
        Copy(topic, lane, b"acme", value, (("retry", b"1@7"),))
        for lane, value in ((0, b"a"), (1, b"b"), (0, b"c"))
    ]
    assert put_back(running.settings, copies) == [0, 0, 1]
    consumer = new_consumer(running.settings, "test")
    messages = list(records(consumer, [extent_of(consumer, topic, 0)]))
    consumer.close()
    assert [(m.key(), m.value(), m.headers()) for m in messages] == [
        (b"acme", b"a", [("retry", b"1@7")]),
        (b"acme", b"c", [("retry", b"1@7")]),
    ]
