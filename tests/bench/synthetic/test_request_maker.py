"""Made-up requests are sealed, lie in their tenant's lanes, and are about what was ingested."""

import re

import pytest

from bench.facts import name_of
from bench.synthetic.request_maker import (
    LANES,
    PEOPLE,
    SECTIONS,
    TENANTS,
    TURNS,
    RequestMaker,
    guide,
)
from connectors.keyring import Keyring
from streams.log.lanes import lanes
from streams.settings import Settings

DOCUMENTS = 2 * len(TENANTS)


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path)


@pytest.fixture
def keyring(settings):
    return Keyring(settings)


@pytest.fixture
def maker(settings, keyring):
    return RequestMaker(settings, keyring)


def test_documents_go_round_the_tenants():
    assert [guide(number)[0] for number in range(DOCUMENTS)] == [*TENANTS, *TENANTS]
    assert len({guide(number)[1] for number in range(DOCUMENTS)}) == DOCUMENTS


@pytest.mark.parametrize("number", [0, 7])
def test_a_document_holds_its_sections_and_a_keeper_in_each(maker, keyring, number):
    event = maker.document(number)
    content = keyring.unseal(event.meta.tenant, event.content).decode()
    assert content.count("\n## ") == SECTIONS
    assert sum(content.count(person) for person in PEOPLE) == SECTIONS
    assert name_of(SECTIONS * number) in content
    assert event.meta.session == event.document


@pytest.mark.parametrize("conversation", range(6))
def test_a_conversation_is_about_documents_of_its_own_tenant(maker, keyring, conversation):
    events = [maker.question(conversation, turn, DOCUMENTS) for turn in range(TURNS)]
    [tenant] = {event.meta.tenant for event in events}
    assert len({event.meta.session for event in events}) == 1
    assert len({event.meta.id for event in events}) == TURNS
    text = keyring.unseal(tenant, events[0].text).decode()
    fact = int(re.search(r"number (\d+)", text)[1])
    assert guide(fact // SECTIONS)[0] == tenant
    assert fact < DOCUMENTS * SECTIONS


def test_requests_lie_in_the_lanes_of_their_tenants(maker, settings):
    events = [maker.question(number, 0, DOCUMENTS) for number in range(40)]
    for event in events:
        assert event.meta.lane in lanes(event.meta.tenant, settings.partitions, LANES)
    assert len({event.meta.lane for event in events}) == settings.partitions


def test_two_makers_make_the_same_requests_but_for_times(settings, keyring):
    made = []
    for _ in range(2):
        maker = RequestMaker(settings, keyring)
        made.append([maker.question(3, turn, DOCUMENTS) for turn in range(TURNS)])
    for one, other in zip(*made, strict=True):
        assert (one.meta.id, one.meta.trace, one.text) == (
            other.meta.id,
            other.meta.trace,
            other.text,
        )
