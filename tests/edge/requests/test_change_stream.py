"""docs/examples/change_stream.py: what it makes of a change as Debezium writes it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from confluent_kafka import Message

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "change_stream.py"


@pytest.fixture(scope="module")
def record_of():
    spec = importlib.util.spec_from_file_location("change_stream", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE.parent)  # as where it is run
        spec.loader.exec_module(module)
    return lambda value, offset=7: module.record_of(a_message(value, offset), "acme", "id", "body")


def a_message(value, offset):
    raw = None if value is None else json.dumps(value).encode()
    return Message(topic="shop.articles", partition=1, offset=offset, value=raw)


ROW = {"id": "a/1", "body": "caf\xe9"}


@pytest.mark.parametrize("op", ["c", "u", "r"])
@pytest.mark.parametrize(
    "wrap", [lambda change: change, lambda change: {"schema": {}, "payload": change}]
)
def test_a_row_that_is_there_is_a_document(record_of, op, wrap):
    record = record_of(wrap({"op": op, "before": None, "after": ROW}))
    assert record == {
        "tenant": "acme",
        "uri": "shop.articles/a%2F1",
        "media_type": "text/plain",
        "content": "caf\xe9".encode(),
        "withdrawn": False,
        "idempotency_key": "shop.articles:1:7",
    }


def test_a_row_that_was_deleted_is_withdrawn(record_of):
    record = record_of({"op": "d", "before": ROW, "after": None})
    assert (record["withdrawn"], record["content"], record["uri"]) == (
        True,
        b"",
        "shop.articles/a%2F1",
    )


@pytest.mark.parametrize("value", [None, {}, {"payload": None}, {"schema": {}}])
def test_what_is_no_change_is_left_out(record_of, value):
    assert record_of(value) is None


def test_what_is_read_again_is_the_same_request(record_of):
    change = {"op": "c", "before": None, "after": ROW}
    assert record_of(change) == record_of(change)
    assert record_of(change, 8)["idempotency_key"] != record_of(change)["idempotency_key"]
