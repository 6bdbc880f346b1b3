"""The canonical form: what it is of each record, and that no two values share one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import schemas
from schemas import Block, Embed, Generate, Parsed, Seal, SealItem, Search
from schemas.canonical import CANONICAL, VERSION_FIELDS, canonical
from schemas.definitions import definitions
from schemas.record import Request
from tests.schemas.plain_form import plain_form
from tests.schemas.strategies import records_of

UNHURRIED = settings(deadline=None)
DIGESTED = sorted(kind.SCHEMA for kind in CANONICAL)
SEARCH = Search(text="vat", vector=b"\0\1", limit=5)


def test_every_request_has_a_form_and_every_response_that_is_not_recorded():
    kinds = [getattr(schemas, name) for name in definitions()]
    requests = [kind for kind in kinds if issubclass(kind, Request)]
    local = [kind.RESPONSE for kind in requests if kind.EFFECT == "local"]
    assert {*requests, *local} <= set(CANONICAL)


@pytest.mark.parametrize("name", DIGESTED)
def test_the_form_of_every_kind_of_record_is_the_one_described(name):
    @settings(deadline=None, max_examples=25)
    @given(records_of(definitions()[name]))
    def holds(record):
        assert canonical(record) == plain_form(definitions()[name], record)

    holds()


@UNHURRIED
@given(
    st.sampled_from(DIGESTED).flatmap(
        lambda name: st.tuples(*[records_of(definitions()[name])] * 2)
    )
)
def test_what_differs_has_another_form(records):
    one, other = (undigested(record) for record in records)
    assert (canonical(one) == canonical(other)) == (one == other)


def undigested(record):
    field = VERSION_FIELDS.get(type(record))
    return replace(record, **{field: ""}) if field else record


def test_a_form_as_it_stands_on_logs():
    assert canonical(SEARCH) == b"\x0cSearch\x0alimiti\x0a\x08texts\x06vat\x0cvectorb\x04\0\1\0"
    block = Block(kind="heading", level=2, text="T")
    assert canonical(Parsed(blocks=(block,), parser="p", parser_version="1")).startswith(
        b"\x0cParsed\x0cblocksar\x02\x0aBlock\x08kinds\x0eheading\x0aleveli\x04\x08texts\x02T\0"
    )


def test_a_field_at_its_default_is_left_out_and_one_without_is_not():
    assert canonical(replace(SEARCH, groups=(), filters={}, as_of=-1)) == canonical(SEARCH)
    assert b"groups" in canonical(replace(SEARCH, groups=("",)))
    assert b"values" in canonical(Seal(values=()))
    assert b"text" in canonical(replace(SEARCH, text=""))


@pytest.mark.parametrize("temperature", [-0.0, float("nan"), 5e-324])
def test_only_the_default_s_own_bytes_are_left_out(temperature):
    plain = Generate(prompt="p", max_tokens=1)
    assert canonical(replace(plain, temperature=0)) == canonical(plain)
    assert canonical(replace(plain, temperature=temperature)) != canonical(plain)


def test_the_order_of_a_map_s_entries_does_not_count():
    one, other = {"a": "1", "é": "2", "b": "3"}, {"b": "3", "é": "2", "a": "1"}
    assert canonical(replace(SEARCH, filters=one)) == canonical(replace(SEARCH, filters=other))


def test_where_one_text_ends_and_the_next_begins_is_seen():
    forms = {
        canonical(Embed(texts=texts, kind="query"))
        for texts in [("ab", ""), ("a", "b"), ("ab",), ("", "ab")]
    }
    assert len(forms) == 4


@pytest.mark.parametrize(
    "change", [{"text": None}, {"text": b"vat"}, {"limit": "5"}, {"vector": 3}]
)
def test_a_value_of_another_type_has_no_form(change):
    with pytest.raises((TypeError, AttributeError)):
        canonical(replace(SEARCH, **change))


def test_a_record_that_no_digest_is_of_has_no_form():
    with pytest.raises(KeyError):
        canonical(schemas.Usage(prompt_tokens=1, completion_tokens=1))


def test_a_text_that_can_t_be_spelt_has_no_form():
    with pytest.raises(UnicodeEncodeError):
        canonical(SealItem(key="k", event="e", field="\ud800", value=b""))
