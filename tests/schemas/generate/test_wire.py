"""The generated encoding of made-up records against fastavro."""

import io

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.definitions import NAMESPACE, definitions, without_logical_types
from schemas.generate.wire import RESERVED, text
from tests.schemas.generate.made_up import BASE, a_definition, imported, made_up_definitions
from tests.schemas.strategies import records_of


def inlined(definition):
    """The definition with its one kind of record put in place once."""
    seen = []

    def inline(schema):
        match schema:
            case list():
                return [inline(branch) for branch in schema]
            case {"type": "array", "items": items}:
                return {"type": "array", "items": inline(items)}
            case str() if schema == f"{NAMESPACE}.Cause" and not seen:
                seen.append(schema)
                return definitions()["Cause"]
        return schema

    fields = [{**field, "type": inline(field["type"])} for field in definition["fields"]]
    return fastavro.parse_schema(without_logical_types({**definition, "fields": fields}), {})


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(made_up_definitions(), st.data())
def test_whatever_fields_a_record_has_its_bytes_are_those_that_fastavro_writes(definition, chance):
    schema = inlined(definition)
    with imported(definition) as (types, wire):
        for _ in range(3):
            record = chance.draw(records_of(definition, types))
            out = io.BytesIO()
            fastavro.schemaless_writer(out, schema, record.to_avro())
            data = wire.encode(record)
            assert data == out.getvalue()
            assert wire.read(types.MadeUp, data, 0) == (record, len(data))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_field_may_be_called_like_a_variable_of_the_functions(name):
    definition = a_definition("MadeUp", ("before", "string"), (name, "string"), ("after", "bytes"))
    with imported(definition) as (types, wire):
        record = types.MadeUp(**{"before": "b", name: "x", "after": b"a"})
        data = wire.encode(record)
        assert wire.read(types.MadeUp, data, 0) == (record, len(data))


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "fixed", "size": 4},
        ["null", "string"],
        {"type": "array", "items": "float"},
        {"type": "array", "items": {"type": "map", "values": "string"}},
    ],
)
def test_a_type_that_has_no_encoding_yet_is_named(kind):
    with pytest.raises(ValueError, match=r"add it to schemas/generate/wire\.py"):
        text({**BASE, "MadeUp": a_definition("MadeUp", ("field", kind))})


def test_a_record_without_fields_is_no_bytes():
    with imported(a_definition("Nothing")) as (types, wire):
        assert wire.encode(types.Nothing()) == b""
        assert wire.read(types.Nothing, b"x", 1) == (types.Nothing(), 1)
