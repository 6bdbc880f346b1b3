"""A record's address: the same whoever writes it, and its headers are read as they were written."""

import pytest
from confluent_kafka import Message
from msgspec.structs import replace

from schemas import Ask, QueryRewritten
from streams.log.addressing import address_of, headers_of
from streams.running.run import stamped
from streams.topics import topic_of
from tests.fakes import a_meta

META = replace(a_meta(lane=3, request="r-1"), trace="00-own")
EVENT = stamped(
    QueryRewritten(outcome="rewritten", subject="u", question="q", query="q", ask=Ask()), META
)


def test_an_event_lies_in_its_lane_under_its_tenant():
    address = address_of(EVENT)
    assert address[:3] == (topic_of(QueryRewritten), 3, b"acme")
    assert address.headers == (
        ("id", META.id.encode()),
        ("request", b"r-1"),
        ("traceparent", b"00-own"),
    )


@pytest.mark.parametrize(
    ("given", "trace"), [(None, b"00-own"), ("00-span", b"00-span"), ("", b"")]
)
def test_the_trace_is_the_events_own_unless_a_span_is_named(given, trace):
    assert dict(address_of(EVENT, given).headers)["traceparent"] == trace


@pytest.mark.parametrize(
    ("lying", "read"),
    [
        (list(address_of(EVENT).headers), address_of(EVENT).headers),
        ([("retry", b"1@2"), ("retry", b"3@4")], (("retry", b"1@2"), ("retry", b"3@4"))),
        ([("id", None), ("request", b"")], (("id", b""), ("request", b""))),
        ([], ()),
        (None, ()),
    ],
)
def test_headers_are_read_in_their_order_and_none_is_without_a_value(lying, read):
    assert headers_of(Message(topic="t", partition=0, offset=0, headers=lying)) == read
