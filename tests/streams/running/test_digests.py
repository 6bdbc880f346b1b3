"""Digests: their two forms, what is keyed, and what no release writes."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from schemas import Detect, Digested, Embed, Parsed, ReadRoutes, wire
from schemas.canonical import canonical
from schemas.definitions import definitions
from schemas.released_definitions import encode_as_released
from streams.running.digests import (
    UnknownForm,
    holds_versions,
    is_digest_of_request,
    is_digest_of_response,
    request_digest,
    response_digest,
    version_of,
    with_version,
)
from tests.schemas.strategies import records_of

KEY = b"k" * 32
PLAIN, PERSONAL = Embed(texts=("x",), kind="query"), Detect(texts=("Ada",))
RESPONSE = Digested(digests=("1", "2"))


def test_a_digest_says_its_form_and_is_of_the_canonical_form():
    assert request_digest(PLAIN, KEY) == b"\2" + hashlib.sha256(canonical(PLAIN)).digest()
    assert request_digest(PERSONAL, KEY) == b"\2" + hmac.digest(KEY, canonical(PERSONAL), "sha256")
    assert response_digest(RESPONSE, KEY) == b"\2" + hmac.digest(KEY, canonical(RESPONSE), "sha256")


def test_what_holds_personal_data_is_digested_under_a_key():
    assert (Detect.PERSONAL, Embed.PERSONAL) == (True, False)
    assert request_digest(PERSONAL, b"one") != request_digest(PERSONAL, b"other")
    assert request_digest(PLAIN, b"one") == request_digest(PLAIN, b"other")
    assert response_digest(RESPONSE, b"one") != response_digest(RESPONSE, b"other")


def test_a_digest_of_either_form_is_known_for_that_of_its_request():
    old_plain = hashlib.sha256(encode_as_released(PLAIN, "0.1.0")).digest()
    old_personal = hmac.digest(KEY, wire.encode(PERSONAL), "sha256")
    for digest in (old_plain, request_digest(PLAIN, KEY)):
        assert is_digest_of_request(digest, PLAIN, KEY)
        assert not is_digest_of_request(digest, replace(PLAIN, kind="passage"), KEY)
    for digest in (old_personal, request_digest(PERSONAL, KEY)):
        assert is_digest_of_request(digest, PERSONAL, KEY)
        assert not is_digest_of_request(digest, PERSONAL, b"another")
        assert not is_digest_of_request(digest, replace(PERSONAL, texts=("Bob",)), KEY)


def test_a_digest_of_either_form_is_known_for_that_of_its_response():
    for digest in (
        hmac.digest(KEY, wire.encode(RESPONSE), "sha256"),
        response_digest(RESPONSE, KEY),
    ):
        assert is_digest_of_response(digest, RESPONSE, KEY)
        assert not is_digest_of_response(digest, RESPONSE, b"another")
        assert not is_digest_of_response(digest, replace(RESPONSE, digests=("2", "1")), KEY)


def test_versions_stand_beside_a_digest_of_form_2_and_in_one_of_form_1():
    parsed = Parsed(blocks=(), parser="plain", parser_version="1")
    newer = with_version(parsed, "2")
    assert (version_of(parsed), version_of(newer), version_of(PLAIN)) == ("1", "2", "")
    assert with_version(PLAIN, "2") == PLAIN
    lasting, old = response_digest(parsed, KEY), hmac.digest(KEY, wire.encode(parsed), "sha256")
    assert is_digest_of_response(lasting, newer, KEY)
    assert not is_digest_of_response(old, newer, KEY)
    assert (holds_versions(lasting), holds_versions(old)) == (False, True)


@settings(deadline=None, max_examples=30)
@given(records_of(definitions()["Search"]))
def test_the_forms_are_of_one_request(search):
    assert is_digest_of_request(request_digest(search, KEY), search, KEY)
    of_then = hashlib.sha256(encode_as_released(search, "0.1.0")).digest()
    assert is_digest_of_request(of_then, search, KEY)


@pytest.mark.parametrize(
    ("digest", "later"),
    [
        (b"", False),
        (b"\2", False),
        (b"\2" + bytes(33), False),
        (b"\3" + bytes(32), True),
        (b"\1" + bytes(32), False),
        (b"\0" + bytes(32), False),
        (b"\3" + bytes(33), False),
        (bytes(31), False),
        (bytes(64), False),
    ],
)
def test_a_form_that_is_not_known_is_named(digest, later):
    for check in (
        lambda: is_digest_of_request(digest, PLAIN, KEY),
        lambda: is_digest_of_response(digest, RESPONSE, KEY),
    ):
        with pytest.raises(UnknownForm) as raised:
            check()
        assert raised.value.later is later


def test_a_request_that_came_later_has_no_digest_of_form_1():
    with pytest.raises(UnknownForm, match="had no record ReadRoutes") as raised:
        is_digest_of_request(bytes(32), ReadRoutes(routes=()), KEY)
    assert not raised.value.later
