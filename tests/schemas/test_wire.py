"""The generated encoding against fastavro, which reads and writes by the definitions alone."""

import io
import struct
from contextlib import suppress

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from schemas import wire
from schemas.binary import LONG
from schemas.definitions import definitions, parsed
from tests.schemas.strategies import ANY_RECORD, records_of

UNHURRIED = settings(deadline=None)  # a busy machine is no mistake of the records
UNREADABLE = (ValueError, IndexError, struct.error)


def by_fastavro(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(record.SCHEMA), record.to_avro())
    return out.getvalue()


def read_by_fastavro(data, kind):
    datum = fastavro.schemaless_reader(io.BytesIO(data), parsed(kind.SCHEMA), None)
    return kind.from_avro(datum)


@UNHURRIED
@given(ANY_RECORD)
def test_the_bytes_are_those_that_fastavro_writes(record):
    assert wire.encode(record) == by_fastavro(record)


@pytest.mark.parametrize("name", sorted(definitions()))
def test_every_kind_of_record_is_written_and_read_as_fastavro_does(name):
    @settings(deadline=None, max_examples=10)
    @given(records_of(definitions()[name]))
    def holds(record):
        data = wire.encode(record)
        assert data == by_fastavro(record)
        assert wire.read(type(record), data, 0) == (record, len(data))
        assert read_by_fastavro(data, type(record)) == record

    holds()


@UNHURRIED
@given(ANY_RECORD, st.binary(max_size=9))
def test_what_is_read_is_what_was_written_wherever_it_lies(record, around):
    data = around + wire.encode(record) + around
    assert wire.read(type(record), data, len(around)) == (record, len(data) - len(around))


@UNHURRIED
@given(ANY_RECORD, st.data())
def test_a_record_that_is_cut_off_is_noticed(record, chance):
    data = wire.encode(record)
    kept = chance.draw(st.integers(0, max(len(data) - 1, 0)))
    with suppress(*UNREADABLE):
        assert not data or wire.read(type(record), data[:kept], 0)[1] > kept


@UNHURRIED
@given(ANY_RECORD, st.data())
def test_a_damaged_record_is_refused_or_read_as_fastavro_reads_it(record, chance):
    data = bytearray(wire.encode(record) or b"\0")
    data[chance.draw(st.integers(0, len(data) - 1))] ^= chance.draw(st.integers(1, 255))
    with suppress(*UNREADABLE):
        read, end = wire.read(type(record), bytes(data), 0)
        if end <= len(data):
            assert repr(read) == repr(read_by_fastavro(bytes(data), type(record)))


@UNHURRIED
@given(st.sampled_from(sorted(definitions())), st.binary(max_size=60))
def test_bytes_of_anybody_are_refused_or_read_within_the_known_errors(name, data):
    kind = getattr(schemas, name)
    with suppress(*UNREADABLE):
        read, _ = wire.read(kind, data, 0)
        assert type(read) is kind


@pytest.mark.parametrize("blocks", [(3,), (1, 2), (-1, 2), (-3,), (2, -1)])
def test_an_array_may_come_in_several_blocks_and_with_their_sizes(blocks):
    items = iter("abc")
    data = b""
    for count in blocks:
        block = b"".join(LONG[1] + next(items).encode() for _ in range(abs(count)))
        data += LONG[count] + (LONG[len(block)] if count < 0 else b"") + block
    asked = wire.encode(schemas.Embed(texts=(), kind="query"))
    assert asked.startswith(b"\0")
    assert wire.read(schemas.Embed, data + asked, 0)[0].texts == ("a", "b", "c")


@pytest.mark.parametrize("branch", [b"\x04", b"\x01", b"\x03"])
def test_a_union_has_two_branches(branch):
    meta = schemas.Meta(
        id="", tenant="", lane=0, request="", session="", at=0,
        step=schemas.StepVersion(name="", code="", configuration=""),
    )  # fmt: skip
    data = wire.encode(meta)
    fields = [field["name"] for field in definitions()["Meta"]["fields"]]
    at = fields.index("cause")  # a byte each, for empty strings and a lane of 0
    assert data[: at + 1] == bytes(at + 1)
    with pytest.raises(ValueError, match="two branches"):
        wire.read(schemas.Meta, data[:at] + branch + data[at + 1 :], 0)


@pytest.mark.parametrize(
    "change", [{"id": None}, {"lane": None}, {"step": None}, {"effects": (None,)}, {"cause": 1}]
)
def test_a_value_of_another_type_is_not_written(change):
    fields = {"id": "i", "tenant": "t", "lane": 0, "request": "r", "session": "s", "at": 0}
    step = schemas.StepVersion(name="n", code="c", configuration="")
    with pytest.raises((TypeError, AttributeError)):
        wire.encode(schemas.Meta(**{**fields, "step": step, **change}))


def test_a_record_without_a_definition_is_not_written():
    with pytest.raises(KeyError):
        wire.encode(schemas.Record())


def test_every_definition_can_be_written_and_read():
    kinds = {getattr(schemas, name) for name in definitions()}
    assert set(wire.ENCODERS) == set(wire.READERS) == kinds


def test_a_word_of_a_newer_writer_is_read_and_written_as_it_is():
    asked = schemas.Ask(mode="compare")
    data = wire.encode(asked)
    assert wire.read(schemas.Ask, data, 0)[0].mode == "compare"
    assert read_by_fastavro(data, schemas.Ask) == asked
