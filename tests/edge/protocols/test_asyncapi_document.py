"""Parts of the AsyncAPI document, and what a schema becomes within it."""

import pytest

from edge.protocols.asyncapi_document import asyncapi_document, inlined
from streams.topics import INBOX, REQUESTS, TOPICS, group_of, topic_of


@pytest.fixture(scope="module")
def document():
    return asyncapi_document()


@pytest.mark.parametrize(
    ("schema", "whole"),
    [
        ({"type": "string"}, {"type": "string"}),
        (
            {"items": {"$ref": "#/$defs/A"}, "$defs": {"A": {"type": "string"}}},
            {"items": {"type": "string"}},
        ),
        (
            {
                "anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}],
                "$defs": {"A": {"items": {"$ref": "#/$defs/B"}}, "B": {"type": "integer"}},
            },
            {"anyOf": [{"items": {"type": "integer"}}, {"type": "null"}]},
        ),
    ],
)
def test_what_a_schema_refers_to_is_put_in_its_place(schema, whole):
    assert inlined(schema) == whole


def test_no_payload_of_a_frame_refers_to_anything(document):
    for name, message in document["components"]["messages"].items():
        if name.startswith(("client.", "gateway.")):
            assert "$ref" not in str(message["payload"])
            assert message["payload"]["schema"]["properties"]["type"]["const"] == message["name"]


def test_the_inbox_is_what_is_kept_for_hours_alone(document):
    kept = {
        channel["address"]: channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"]
        for name, channel in document["channels"].items()
        if name != "chat"
    }
    inbox = {one.name for one in INBOX}
    assert {address for address, ms in kept.items() if ms >= 0} == inbox


def test_a_step_reads_in_its_group_and_all_of_its_requests_are_sent_by_somebody(document):
    operations = document["operations"]
    binding = operations["redact.receive.questionAsked"]["bindings"]["kafka"]["groupId"]
    assert binding["enum"] == [group_of("redact")]
    sent = {one["channel"]["$ref"] for one in operations.values() if one["action"] == "send"}
    for topic in REQUESTS:
        name = topic.record.SCHEMA
        assert f"#/channels/{name[0].lower()}{name[1:]}" in sent


def test_a_record_lies_in_a_lane_unless_its_topic_has_one_partition(document):
    for topic in TOPICS:
        [channel] = [
            one for one in document["channels"].values() if one["address"] == topic_of(topic.record)
        ]
        has_one = channel["bindings"]["kafka"].get("partitions") == 1
        assert has_one is not topic.partitioned
