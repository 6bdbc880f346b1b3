"""The definitions: names and docs of the files, records put in place, and the topics."""

import json

import pytest

import schemas
from schemas import Record
from schemas.definitions import (
    FOLDER,
    definitions,
    load,
    parsed,
    self_contained,
    snake_case,
    without_logical_types,
)
from streams.log.subjects import subjects
from streams.topics import STEPS, TOPICS, topic_of


def written(folder, file_name, **definition):
    values = {"type": "record", "name": "OneThing", "doc": "A thing.", "fields": []}
    (folder / file_name).write_text(json.dumps({**values, **definition}))


def test_every_definition_has_a_typed_record():
    for name in definitions():
        assert issubclass(getattr(schemas, name), Record)


def test_definitions_are_loaded_in_the_order_of_their_files(tmp_path):
    written(tmp_path, "one_thing.avsc")
    written(tmp_path, "a_thing.avsc", name="AThing")
    (tmp_path / "notes.txt").write_text("no definition")
    assert list(load(tmp_path)) == ["AThing", "OneThing"]


@pytest.mark.parametrize(
    ("file_name", "definition", "says"),
    [
        ("thing.avsc", {}, "thing.avsc defines OneThing: rename it to one_thing.avsc"),
        ("one_thing.avsc", {"doc": ""}, "one_thing.avsc: give a doc to the record"),
        (
            "one_thing.avsc",
            {"fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "doc": ""}]},
            "one_thing.avsc: give a doc to a, b",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_named(tmp_path, file_name, definition, says):
    written(tmp_path, file_name, **definition)
    with pytest.raises(ValueError, match=says):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "file"),
    [("Meta", "meta"), ("ChunksRetrieved", "chunks_retrieved"), ("SealItem", "seal_item")],
)
def test_one_name_three_spellings(name, file):
    assert snake_case(name) == file
    assert (FOLDER / f"{file}.avsc").exists()
    assert topic_of(getattr(schemas, name)) == f"playhead.{file.replace('_', '.')}"


def test_each_record_is_put_in_place_once():
    spelt = json.dumps(self_contained("ChunksRetrieved"))
    assert spelt.count('"name": "Sealed"') == 1
    assert spelt.count('"playhead.Sealed"') + spelt.count('"playhead.MapEntry"') >= 1
    assert parsed("ChunksRetrieved")["name"] == "playhead.ChunksRetrieved"


def test_putting_records_in_place_leaves_the_definitions_as_they_are():
    before = json.dumps(definitions())
    self_contained("AnswerReleased")
    assert json.dumps(definitions()) == before


def test_times_become_the_integers_that_are_on_the_wire():
    timed = {
        "type": "record",
        "doc": "logicalType is a word of the doc",
        "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {
                "name": "times",
                "type": ["null", {"type": "array", "items": {"type": "long", "logicalType": "x"}}],
            },
        ],
    }
    assert without_logical_types(timed) == {
        "type": "record",
        "doc": "logicalType is a word of the doc",
        "fields": [
            {"name": "at", "type": {"type": "long"}},
            {"name": "times", "type": ["null", {"type": "array", "items": {"type": "long"}}]},
        ],
    }


def test_no_topic_has_an_underscore_and_every_topic_a_subject():
    for topic in TOPICS:
        assert "_" not in topic.name
        assert subjects()[f"{topic.name}-value"] == topic.record.SCHEMA


def test_every_record_is_read_by_at_most_one_step():
    reads = [record for step in STEPS for record in step.reads]
    assert len(reads) == len(set(reads))
