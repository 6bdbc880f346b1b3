import copy

import pytest

import schemas
from schemas import Record, check, generate
from schemas.definitions import definitions, self_contained
from streams.log.subjects import subjects
from streams.topics import STEPS, TOPICS, topic_of


def test_records_are_generated_from_the_definitions():
    assert generate.TARGET.read_text() == generate.generated(), "run python -m schemas.generate"


def test_definitions_are_valid_and_fit_what_was_released():
    assert list(check.problems()) == []


def test_every_definition_has_a_typed_record():
    for name in definitions():
        assert issubclass(getattr(schemas, name), Record)


@pytest.mark.parametrize(
    ("edit", "direction"),
    [
        (lambda d: d["fields"].append({"name": "new", "type": "string", "doc": "d"}), "backward"),
        (lambda d: d["fields"].pop(0), "forward"),
        (lambda d: d["fields"][0].update(type="long"), "backward"),
    ],
)
def test_an_incompatible_change_is_found(edit, direction):
    old = self_contained("StepVersion")
    new = copy.deepcopy(old)
    edit(new)
    assert any(why.startswith(direction) for why in check.incompatibilities(old, new))


def test_a_new_field_with_a_default_is_compatible():
    old = self_contained("StepVersion")
    new = copy.deepcopy(old)
    new["fields"].append({"name": "new", "type": "string", "default": "", "doc": "d"})
    assert list(check.incompatibilities(old, new)) == []


def test_one_name_three_spellings():
    assert topic_of(schemas.ChunksRetrieved) == "playhead.chunks.retrieved"
    assert (generate.TARGET.parent / "avro" / "chunks_retrieved.avsc").exists()


def test_no_topic_has_an_underscore_and_every_topic_a_subject():
    for topic in TOPICS:
        assert "_" not in topic.name
        assert subjects()[f"{topic.name}-value"] == topic.record.SCHEMA


def test_every_record_is_read_by_at_most_one_step():
    reads = [record for step in STEPS for record in step.reads]
    assert len(reads) == len(set(reads))
