"""Schema ids: out of an archive, and from a registry of Confluent's interface on a socket."""

import json

import pytest

from schemas.definitions import self_contained
from schemas.registry import (
    COMPATIBILITY,
    FixedIds,
    IncompatibleSchema,
    Registry,
    RegistryAway,
    UnknownSchema,
)
from tests.schemas.registry_server import FakeRegistryServer, serving

SUBJECTS = {"usage-value": "Usage", "batch-value": "Batch"}


def a_registry(url):
    """The client of a registry, which tries again at once."""
    return Registry(url, retry_wait_max_ms=1)


@pytest.fixture
def fake():
    return FakeRegistryServer()


@pytest.fixture
def url(fake):
    with serving(fake.answer) as address:
        yield address


# ---------------------------------------------------------------------- an archive's ids


def test_records_are_numbered_in_the_order_given():
    ids = FixedIds.numbered(["Usage", "Batch"])
    assert [ids.id_of(name) for name in ("Usage", "Batch")] == [1, 2]
    assert ids.definition_of(2) == self_contained("Batch")


def test_an_archive_knows_its_own_ids_alone():
    ids = FixedIds.numbered(["Usage"])
    with pytest.raises(UnknownSchema, match="no schema id for Batch in this archive"):
        ids.id_of("Batch")
    with pytest.raises(UnknownSchema, match="no schema with id 2 in this archive"):
        ids.definition_of(2)


def test_an_archives_ids_are_its_own_to_change():
    definitions, ids = {7: {"name": "Usage"}}, {"Usage": 7}
    fixed = FixedIds(definitions, ids)
    definitions.clear()
    ids.clear()
    assert fixed.definition_of(fixed.id_of("Usage")) == {"name": "Usage"}


# ---------------------------------------------------------------------- registering


def test_our_definitions_are_registered_with_full_compatibility(fake, url):
    registry = a_registry(url)
    registry.register(SUBJECTS)
    assert {subject: len(ids) for subject, ids in fake.subjects.items()} == {
        "usage-value": 1,
        "batch-value": 1,
    }
    assert fake.levels == dict.fromkeys(SUBJECTS, COMPATIBILITY)
    assert json.loads(fake.schemas[registry.id_of("Usage")]) == self_contained("Usage")


def test_registering_again_keeps_ids_and_asks_for_no_level(fake, url):
    first, again = a_registry(url), a_registry(url)
    first.register(SUBJECTS)
    fake.levels.clear()
    again.register(SUBJECTS)
    assert [first.id_of(name) for name in SUBJECTS.values()] == [
        again.id_of(name) for name in SUBJECTS.values()
    ]
    assert fake.levels == {}


def test_a_definition_that_fits_no_former_version_is_named(fake, url):
    fake.subjects["usage-value"] = [99]
    fake.failing["POST", "/subjects/usage-value/versions"] = 409, 409
    with pytest.raises(IncompatibleSchema, match=r"Usage does not fit the versions of usage-value"):
        a_registry(url).register(SUBJECTS)


@pytest.mark.parametrize(
    "place",
    [("GET", "/subjects/usage-value/versions"), ("POST", "/subjects/usage-value/versions")],
)
def test_a_registry_that_refuses_access_is_away_while_registering(fake, url, place):
    fake.failing[place] = 401, 401
    with pytest.raises(RegistryAway, match="answers with status 401"):
        a_registry(url).register(SUBJECTS)


@pytest.mark.parametrize(
    "place",
    [("GET", "/subjects/usage-value/versions"), ("POST", "/subjects/usage-value/versions")],
)
def test_an_answer_that_registering_does_not_expect_is_passed_on(fake, url, place):
    fake.subjects["usage-value"] = [99]
    fake.failing[place] = 422, 42201
    with pytest.raises(Exception, match="42201"):
        a_registry(url).register(SUBJECTS)


# ---------------------------------------------------------------------- looking up


def test_an_id_is_looked_up_once(fake, url):
    a_registry(url).register(SUBJECTS)
    registry = a_registry(url)
    registry.expect(SUBJECTS)
    fake.asked.clear()
    ids = [registry.id_of(name) for name in ("Usage", "Batch", "Usage", "Batch")]
    assert ids[:2] == ids[2:]
    asked = [("POST", "/subjects/usage-value"), ("POST", "/subjects/batch-value")]
    assert [entry for entry in fake.asked if entry[0] == "POST"] == asked


def test_a_definition_is_asked_for_once_and_outlives_the_registry(fake):
    with serving(fake.answer) as address:
        registry = a_registry(address)
        registry.register(SUBJECTS)
        schema_id = registry.id_of("Usage")
        assert registry.definition_of(schema_id) == self_contained("Usage")
    assert registry.definition_of(schema_id) == self_contained("Usage")
    assert registry.id_of("Usage") == schema_id


def test_an_id_whose_definition_is_another_is_not_taken_until_the_registry_agrees_with_itself(
    fake, url
):
    a_registry(url).register(SUBJECTS)
    registry = a_registry(url)
    registry.expect(SUBJECTS)
    truth = dict(fake.schemas)
    fake.schemas = dict(zip(truth, reversed(truth.values()), strict=True))
    lying = FakeRegistryServer()
    lying.schemas, lying.subjects = dict(truth), fake.subjects

    def answer(method, path, body):
        return (fake if method == "GET" else lying).answer(method, path, body)

    with serving(answer) as address:
        registry = a_registry(address)
        registry.expect(SUBJECTS)
        with pytest.raises(RegistryAway, match="contradicts itself"):
            registry.id_of("Usage")
        fake.schemas = truth
        assert registry.definition_of(registry.id_of("Usage")) == self_contained("Usage")


def test_a_definition_that_is_not_known_for_ours_is_asked_for_again(fake, url):
    """What a registry said of it once may have been said while it lagged, or by mistake."""
    a_registry(url).register(SUBJECTS)
    registry = a_registry(url)
    truth = dict(fake.schemas)
    fake.schemas = dict(zip(truth, reversed(truth.values()), strict=True))
    assert registry.definition_of(1) == self_contained("Batch")
    fake.schemas = truth
    assert registry.definition_of(1) == self_contained("Usage")


def test_what_was_never_registered_says_what_to_do(fake, url):
    registry = a_registry(url)
    with pytest.raises(UnknownSchema, match=r"Usage has no subject: add it to streams/topics\.py"):
        registry.id_of("Usage")
    registry.expect(SUBJECTS)
    with pytest.raises(UnknownSchema, match=r"does not hold our Usage: run `playhead up`"):
        registry.id_of("Usage")
    a_registry(url).register(SUBJECTS)
    assert registry.id_of("Usage")


def test_a_look_up_that_fails_otherwise_is_passed_on(fake, url):
    registry = a_registry(url)
    registry.expect(SUBJECTS)
    fake.failing["POST", "/subjects/usage-value"] = 422, 42201
    with pytest.raises(Exception, match="42201"):
        registry.id_of("Usage")
    fake.failing["POST", "/subjects/usage-value"] = 429, 429
    with pytest.raises(RegistryAway):
        registry.id_of("Usage")


def test_an_answer_without_an_id_is_none(url, fake):
    def answer(method, path, body):
        return 200, {"subject": "usage-value", "version": 1, "schema": "{}"}

    with serving(answer) as address:
        registry = a_registry(address)
        registry.expect(SUBJECTS)
        with pytest.raises((UnknownSchema, RegistryAway)):
            registry.id_of("Usage")


def test_a_registry_that_does_not_answer_is_named():
    with pytest.raises(RegistryAway, match=r"http://127\.0\.0\.1:1 does not answer"):
        a_registry("http://127.0.0.1:1").definition_of(1)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b'{"error_code": 40403, "message": "no"}', UnknownSchema),
        (422, b'{"error_code": 42201, "message": "no"}', UnknownSchema),
        (200, b'{"schema": "syntax = \\"proto3\\";"}', UnknownSchema),
        (401, b"{}", RegistryAway),
        (403, b"{}", RegistryAway),
        (500, b"", RegistryAway),
        (302, b"", RegistryAway),
        (200, b"{}", UnknownSchema),
    ],
)
def test_only_an_answer_about_the_schema_makes_it_unknown(status, body, error):
    with serving(lambda *_: (status, body)) as address, pytest.raises(error):
        a_registry(address).definition_of(1)


def test_an_id_that_no_registry_gives_is_not_asked_for():
    with pytest.raises(UnknownSchema):
        a_registry("http://127.0.0.1:1").definition_of(2**31)
