"""Records spelt as a release spelt them, whatever fields they have by now."""

import io
import json

import fastavro
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from schemas import Begin, wire
from schemas.canonical import CANONICAL
from schemas.definitions import definitions
from schemas.released_definitions import RELEASED, encode_as_released, released
from tests.schemas.strategies import records_of

LATER = {
    "Calculate",
    "FetchAdjacent",
    "CallTool",
    "CheckPolicy",
    "Hedge",
    "Classify",
    "KnownValue",
    "RateRoute",
    "ReadRoutes",
    "RecallValues",
    "RememberValues",
    "RouteName",
    "ToolExchange",
}
"""Requests, and what is in them, that no step of 0.1.0 asked: no digest of theirs is of form 1."""
BEGIN = Begin(step="retrieve", cause="c")
SEARCHES = records_of(definitions()["Search"])


@pytest.fixture
def of_then(tmp_path):
    """What writes another definition of Search than it had in 0.1.0 as that of a release."""

    def put(edit):
        then = released("0.1.0")["Search"]
        changed = {**then, "fields": edit(list(then["fields"]))}
        (tmp_path / "0.0.9.json").write_text(json.dumps({"Search": changed}))
        return tmp_path, fastavro.parse_schema(changed, {})

    return put


@settings(deadline=None, max_examples=30)
@given(SEARCHES)
def test_what_came_since_then_stands_at_the_end_and_drops_out(search):
    search = replace(search, generation=0)  # one byte
    assert released("0.1.0")["Search"]["fields"][-1]["name"] == "as_of"
    assert (
        encode_as_released(search, "0.1.0") == wire.encode(search)[:-2]
    )  # `described`, `generation`


@settings(deadline=None, max_examples=30)
@given(records_of(definitions()["WithdrawVersions"]))
def test_what_did_not_change_is_spelt_as_today(request_):
    assert encode_as_released(request_, "0.1.0") == wire.encode(request_)


def test_a_field_that_a_release_lacked_drops_out_of_its_spelling(of_then):
    folder, schema = of_then(
        lambda fields: [field for field in fields if field["name"] != "filters"][::-1]
    )

    @settings(deadline=None, max_examples=30)
    @given(SEARCHES)
    def holds(search):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, search.to_avro())
        spelt = encode_as_released(search, "0.0.9", folder)
        assert spelt == out.getvalue() != wire.encode(search)

    holds()


def test_every_release_is_there_with_all_that_digests_are_of():
    releases = {path.stem for path in RELEASED.glob("*.json")}
    assert "0.1.0" in releases
    assert {kind.SCHEMA for kind in CANONICAL} - LATER <= set(released("0.1.0"))
    assert not LATER & set(released("0.1.0"))


def test_a_record_that_a_release_did_not_have_is_refused(of_then):
    folder, _ = of_then(lambda fields: fields)
    with pytest.raises(ValueError, match=r"0\.0\.9 had no record Begin"):
        encode_as_released(BEGIN, "0.0.9", folder)
