"""The generated records against fastavro, which reads and writes by the definitions alone."""

import io
import pickle
import struct
from contextlib import suppress

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from schemas.binary import INT, KEPT, LONG, count_at, long_at, span_at
from schemas.definitions import NAMESPACE, definitions, parsed

UNHURRIED = settings(deadline=None)  # a busy machine is no mistake of the records
UNREADABLE = (ValueError, IndexError, struct.error)
LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-200, 200),
    st.integers(KEPT - 2, KEPT + 2),
    st.sampled_from(
        [sign * 2**bits - low for sign in (1, -1) for bits in range(62) for low in (0, 1)]
    ),
)
TEXTS = st.one_of(st.text(max_size=5), st.integers(60, 70).map(lambda size: "é" * size))
PRIMITIVES = {
    "string": TEXTS,
    "bytes": st.one_of(st.binary(max_size=5), st.just(b"x" * 9_000)),
    "int": LONGS.filter(lambda value: -(2**31) <= value < 2**31),
    "long": LONGS,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def values(schema):
    """A strategy of the values that a field of a record may hold."""
    match schema:
        case ["null", branch]:
            return st.none() | values(branch)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3).map(tuple)
        case {"type": "map"}:
            return st.dictionaries(TEXTS, TEXTS, max_size=3)
        case {"type": str() as primitive}:
            return PRIMITIVES[primitive]
        case str() if schema.startswith(f"{NAMESPACE}."):
            return records(schema.removeprefix(f"{NAMESPACE}."))
    return PRIMITIVES[schema]


def records(name):
    """A strategy of records of a type."""
    fields = {field["name"]: values(field["type"]) for field in definitions()[name]["fields"]}
    return st.builds(getattr(schemas, name), **fields)


ANY_RECORD = st.sampled_from(sorted(definitions())).flatmap(records)


def by_fastavro(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(record.SCHEMA), record.to_avro())
    return out.getvalue()


@UNHURRIED
@given(ANY_RECORD)
def test_the_bytes_are_those_that_fastavro_writes(record):
    assert record.encoded() == by_fastavro(record)


@UNHURRIED
@given(ANY_RECORD, st.binary(max_size=9))
def test_what_is_read_is_what_was_written_wherever_it_lies(record, around):
    data = around + record.encoded() + around
    assert type(record).read(data, len(around)) == (record, len(data) - len(around))


@UNHURRIED
@given(ANY_RECORD)
def test_a_record_survives_fastavro_and_pickle(record):
    datum = fastavro.schemaless_reader(io.BytesIO(by_fastavro(record)), parsed(record.SCHEMA), None)
    assert type(record).from_avro(datum) == record
    assert pickle.loads(pickle.dumps(record)) == record


@UNHURRIED
@given(ANY_RECORD, st.data())
def test_a_record_that_is_cut_off_is_noticed(record, chance):
    data = record.encoded()
    kept = chance.draw(st.integers(0, max(len(data) - 1, 0)))
    with suppress(*UNREADABLE):
        assert not data or type(record).read(data[:kept], 0)[1] > kept


@UNHURRIED
@given(ANY_RECORD, st.data())
def test_a_damaged_record_is_refused_or_read_as_fastavro_reads_it(record, chance):
    data = bytearray(record.encoded() or b"\0")
    data[chance.draw(st.integers(0, len(data) - 1))] ^= chance.draw(st.integers(1, 255))
    with suppress(*UNREADABLE):
        read, end = type(record).read(bytes(data), 0)
        if end <= len(data):
            datum = fastavro.schemaless_reader(io.BytesIO(data), parsed(record.SCHEMA), None)
            assert repr(read) == repr(type(record).from_avro(datum))


@pytest.mark.parametrize("blocks", [(3,), (1, 2), (-1, 2), (-3,), (2, -1)])
def test_an_array_may_come_in_several_blocks_and_with_their_sizes(blocks):
    items = iter("abc")
    data = b""
    for count in blocks:
        block = b"".join(LONG[1] + next(items).encode() for _ in range(abs(count)))
        data += LONG[count] + (LONG[len(block)] if count < 0 else b"") + block
    asked = schemas.Embed(texts=(), kind="query").encoded()
    assert asked.startswith(b"\0")
    assert schemas.Embed.read(data + asked, 0)[0].texts == ("a", "b", "c")


@UNHURRIED
@given(LONGS)
def test_any_integer_of_64_bits_survives(value):
    assert long_at(b"x" + LONG[value] + b"x", 1) == (value, 1 + len(LONG[value]))


@pytest.mark.parametrize(
    ("integers", "value", "error"),
    [
        (LONG, 2**63, ValueError),
        (LONG, -(2**63) - 1, ValueError),
        (LONG, 1.5, TypeError),
        (LONG, "1", TypeError),
        (INT, 2**31, ValueError),
        (INT, -(2**31) - 1, ValueError),
    ],
)
def test_what_is_no_integer_of_so_many_bits_is_not_written(integers, value, error):
    with pytest.raises(error):
        integers[value]


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (long_at, b"\xff" * 9 + b"\x02"),  # 65 bits
        (long_at, b"\xff" * 12),
        (long_at, b"\xff" * 6),
        (span_at, b"\x01"),  # a length of -1
        (count_at, b"\x80\x00"),  # no items, in two bytes
    ],
)
def test_integers_that_break_the_encoding_are_refused(read, data):
    with pytest.raises(UNREADABLE):
        read(data, 0)


@pytest.mark.parametrize(
    "change", [{"id": None}, {"lane": None}, {"step": None}, {"effects": (None,)}, {"cause": 1}]
)
def test_a_value_of_another_type_is_not_written(change):
    fields = {"id": "i", "tenant": "t", "lane": 0, "request": "r", "session": "s", "at": 0}
    step = schemas.StepVersion(name="n", code="c", configuration="")
    with pytest.raises((TypeError, AttributeError)):
        schemas.Meta(**{**fields, "step": step, **change}).encoded()
