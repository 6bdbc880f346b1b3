"""What everybody who asks for schema ids relies on: over an archive's, the registry in memory, and real clients."""

import pytest

from schemas.definitions import self_contained
from schemas.registry import FixedIds, Registry, RegistryAway, UnknownSchema
from streams.log.subjects import open_registry
from tests.memory_registry import MemoryRegistry
from tests.schemas.registry_server import FakeRegistryServer, serving

SUBJECTS = {
    "playhead.question.asked-value": "QuestionAsked",
    "playhead.effect.usage": "Usage",
}
OURS = {number: self_contained(record) for number, record in enumerate(SUBJECTS.values(), start=1)}
IDS = {record: number for number, record in enumerate(SUBJECTS.values(), start=1)}


@pytest.fixture(
    params=["archive", "memory", "server", pytest.param("registry", marks=pytest.mark.stack)]
)
def ids(request):
    match request.param:
        case "archive":
            yield FixedIds(OURS, IDS)
        case "memory":
            yield MemoryRegistry(OURS, IDS)
        case "server":
            with serving(FakeRegistryServer().answer) as url:
                Registry(url).register(SUBJECTS)
                registry = Registry(url)
                registry.expect(SUBJECTS)
                yield registry
        case _:
            yield open_registry(request.getfixturevalue("running").settings)


def test_an_id_leads_back_to_our_definition(ids):
    assert ids.definition_of(ids.id_of("QuestionAsked")) == self_contained("QuestionAsked")


def test_a_record_keeps_its_id(ids):
    assert ids.id_of("QuestionAsked") == ids.id_of("QuestionAsked")


def test_a_record_that_was_never_registered_has_no_id(ids):
    with pytest.raises(UnknownSchema):
        ids.id_of("NobodysRecord")


@pytest.mark.parametrize("schema_id", [2_000_000, 2**32 - 1])
def test_an_id_that_was_never_given_has_no_definition(ids, schema_id):
    with pytest.raises(UnknownSchema):
        ids.definition_of(schema_id)


@pytest.mark.parametrize("kind", ["memory", "client"])
def test_a_registry_that_is_away_says_so_whatever_it_is_asked(kind):
    nowhere = Registry("http://127.0.0.1:1", retry_wait_max_ms=1)
    registry = MemoryRegistry(OURS, IDS) if kind == "memory" else nowhere
    if kind == "memory":
        registry.away = True
    else:
        registry.expect(SUBJECTS)
    with pytest.raises(RegistryAway):
        registry.id_of("QuestionAsked")
    with pytest.raises(RegistryAway):
        registry.definition_of(1)
