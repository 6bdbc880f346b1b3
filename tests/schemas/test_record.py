"""What all records have in common."""

import pickle

import msgspec
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

import schemas
from schemas import UNSTAMPED, Event, Meta, StepVersion
from schemas.definitions import definitions
from tests.schemas.strategies import ANY_RECORD, records_of

EVENTS = [
    name
    for name, definition in definitions().items()
    if [field["name"] for field in definition["fields"][:1]] == ["meta"]
]


@settings(deadline=None)
@given(ANY_RECORD)
def test_a_record_survives_its_datum_and_pickle(record):
    assert type(record).from_avro(record.to_avro()) == record
    assert pickle.loads(pickle.dumps(record)) == record


@settings(deadline=None)
@given(ANY_RECORD)
def test_the_fields_are_those_of_the_definition_in_its_order(record):
    fields = [field["name"] for field in definitions()[record.SCHEMA]["fields"]]
    assert list(record.__struct_fields__) == fields
    assert list(record.to_avro()) == fields


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_may_leave_its_meta_to_the_run(name):
    definition = definitions()[name]
    bare = {**definition, "fields": definition["fields"][1:]}

    @settings(deadline=None, max_examples=3)
    @given(records_of(bare))
    def holds(event):
        assert isinstance(event, Event)
        assert event.meta is UNSTAMPED

    holds()


def test_a_record_cannot_be_changed_and_a_copy_can():
    meta = replace(UNSTAMPED, id="i")
    assert (meta.id, UNSTAMPED.id) == ("i", "")
    with pytest.raises(AttributeError):
        meta.id = "j"


@pytest.mark.parametrize(
    "datum",
    [
        {},
        {"name": "n", "code": "c"},
        {"name": 1, "code": "c", "configuration": ""},
        {"name": "n", "code": None, "configuration": ""},
    ],
)
def test_a_datum_that_is_no_such_record_is_refused(datum):
    with pytest.raises(msgspec.ValidationError):
        StepVersion.from_avro(datum)


def test_a_word_that_nobody_knows_is_no_reason_to_refuse_a_record():
    datum = schemas.Ask(mode="search").to_avro()
    assert schemas.Ask.from_avro({**datum, "mode": "compare"}).mode == "compare"


def test_defaults_are_those_of_the_definition():
    ask = schemas.Ask()
    for field in definitions()["Ask"]["fields"]:
        default = field["default"]
        assert getattr(ask, field["name"]) == (tuple(default) if default == [] else default)
    assert Meta.__struct_config__.gc is False
