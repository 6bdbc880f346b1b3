"""Containers are read as a library reads them, and hostile ones end in words."""

import io
import json
import zlib

import fastavro
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from replay.avro_container import BadContainer, rows
from schemas import ArchivedHeader, ArchivedRecord
from schemas.definitions import parsed


def a_row(offset, value=b"v"):
    headers = (ArchivedHeader(name="n", value=b"w"),)
    record = ArchivedRecord(offset=offset, timestamp_ms=5, key=b"k", value=value, headers=headers)
    return {**record.to_avro(), "headers": [header.to_avro() for header in headers]}


def written(content, **options):
    file = io.BytesIO()
    fastavro.writer(file, parsed(ArchivedRecord.SCHEMA), content, **options)
    return file.getvalue()


def read(content, *options):
    return list(rows(io.BufferedReader(io.BytesIO(content)), *options))


@given(
    st.lists(st.binary(max_size=30), max_size=20), st.sampled_from(["null", "deflate", "zstandard"])
)
def test_what_was_written_is_read_however_it_lies_in_blocks(values, codec):
    content = [a_row(offset, value) for offset, value in enumerate(values)]
    assert read(written(content, codec=codec, sync_interval=40)) == content


@pytest.mark.parametrize("read_bytes", [1, 100, 10_000])
def test_blocks_are_read_together_and_none_is_lost(read_bytes):
    content = [a_row(offset) for offset in range(50)]
    assert read(written(content, sync_interval=20), read_bytes) == content


def number(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def text(value):
    return number(len(value)) + value


def a_header(definition=None, codec=b"null", sync=b"s" * 16):
    definition = parsed(ArchivedRecord.SCHEMA) if definition is None else definition
    schema = definition if isinstance(definition, bytes) else json.dumps(definition).encode()
    entries = text(b"avro.schema") + text(schema) + text(b"avro.codec") + text(codec)
    return b"Obj\x01" + number(2) + entries + number(0) + sync


def zeros(count):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(bytes(count)) + deflate.flush()


def a_block(count, data, sync=b"s" * 16):
    return number(count) + number(len(data)) + data + sync


GREEDY = zstd.compress(bytes(2**22), options={zstd.CompressionParameter.window_log: 27})[:9]
GREEDY = GREEDY[:4] + b"\x00\x88" + GREEDY[6:]  # a frame that asks for a window of 128 MiB
DEEP = b'{"type":' * 2_000 + b'"int"' + b"}" * 2_000
ITSELF = {
    "type": "record",
    "name": "ArchivedRecord",
    "fields": [{"name": "x", "type": "ArchivedRecord"}],
}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cut off"),
        (b"PK\x03\x04 a zip", "does not begin"),
        (b"Obj\x01" + b"\xff" * 12, "does not end"),
        (b"Obj\x01" + number(1) + text(b"k") + number(10**12), "longer than any may be"),
        (b"Obj\x01" + number(1) + number(-5), "less than nothing"),
        (a_header(codec=b"snappy"), "none of null, deflate, zstandard"),
        (a_header(b"{"), "can't be read"),
        (a_header(DEEP), "can't be read"),
        (a_header(ITSELF), "can't be read"),
        (a_header({"type": "map", "values": "long"}), "other things"),
        (a_header() + number(1), "cut off"),
        (a_header() + number(1) + number(2**40), "says that it has"),
        (a_header() + number(1) + number(-1), "less than nothing"),
        (a_header() + a_block(10**12, b"abc"), "more than an export"),
        (a_header() + a_block(1, b"abc", sync=b"t" * 16), "does not end as"),
        (a_header(codec=b"deflate") + a_block(1, b"\xff\xff"), "can't be inflated"),
        (a_header(codec=b"deflate") + a_block(1, zeros(2**26)), "more than an export"),
        (a_header(codec=b"zstandard") + a_block(1, b"\xff\xff"), "can't be unpacked"),
        (a_header(codec=b"zstandard") + a_block(1, zstd.compress(b"a")[:-1]), "is cut off"),
        (a_header(codec=b"zstandard") + a_block(1, zstd.compress(bytes(2**26))), "more than an"),
        (a_header(codec=b"zstandard") + a_block(1, GREEDY), "can't be unpacked"),
    ],
)
def test_a_hostile_container_ends_in_words(content, says):
    with pytest.raises(BadContainer, match=says):
        read(content)


def test_a_container_may_name_its_metadata_in_several_parts():
    whole = written([a_row(0)])
    assert read(whole) == [a_row(0)]
    parts = a_header()[4:-17]
    negative = b"Obj\x01" + number(-2) + number(len(parts) - 1) + parts[1:] + number(0) + b"s" * 16
    assert read(negative) == []
