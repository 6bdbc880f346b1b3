"""What stands before a registry answers as the registry does, until it lies; each lie is met by a client of ours."""

import socket
import threading
import urllib.request
from contextlib import suppress

import pytest

from infra.local.ports import HOST
from schemas.definitions import self_contained
from schemas.registry import Registry, RegistryAway, UnknownSchema
from tests.chaos.faults.fake_registry import FakeRegistryProxy
from tests.chaos.faults.registry import registry_faults
from tests.chaos.plan import Fault
from tests.chaos.profiles import REGISTRY
from tests.schemas.registry_server import FakeRegistryServer, serving

SUBJECTS = {"usage-value": "Usage", "batch-value": "Batch"}
SHORT_S = 1.0  # for an answer that must not come
LONG_S = 30.0


def a_client(url):
    registry = Registry(url, retry_wait_max_ms=1)
    registry.expect(SUBJECTS)
    return registry


@pytest.fixture
def url():
    with serving(FakeRegistryServer().answer) as url:
        yield url


@pytest.fixture
def proxy(url):
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with FakeRegistryProxy(port, url) as proxy:
        yield proxy


@pytest.fixture(params=["registry", "proxy"])
def address(request, url, proxy):
    return url if request.param == "registry" else proxy.url


def test_schemas_are_registered_and_found(address):
    a_client(address).register(SUBJECTS)
    client = a_client(address)
    assert client.definition_of(client.id_of("Usage")) == self_contained("Usage")
    assert client.definition_of(client.id_of("Batch")) == self_contained("Batch")


def test_what_is_not_there_is_not_found(address):
    with pytest.raises(UnknownSchema):
        a_client(address).definition_of(99)
    with pytest.raises(UnknownSchema):
        a_client(address).id_of("Usage")


def lying(proxy, kind, patience_s=LONG_S):
    """Return the context of a fault, and where it says what it did."""
    effects = {}
    return registry_faults(proxy, effects, patience_s)[kind](Fault(0.0, kind)), effects


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("registry 404", UnknownSchema),
        ("registry {}", UnknownSchema),
        ("registry redirect", RegistryAway),
        ("registry 500", RegistryAway),
    ],
)
def test_a_lie_about_what_is_known_is_told_and_over_when_it_is_over(proxy, kind, error):
    a_client(proxy.url).register(SUBJECTS)
    client = a_client(proxy.url)
    happening, effects = lying(proxy, kind)
    with happening, pytest.raises(error):
        client.definition_of(1)
    assert client.definition_of(1) == self_contained("Usage")
    assert effects[kind]["answers"] >= 1


def test_another_type_stands_behind_an_id(proxy):
    a_client(proxy.url).register(SUBJECTS)
    client = a_client(proxy.url)
    happening, effects = lying(proxy, "registry other type")
    with happening:
        assert client.definition_of(1) == self_contained("Batch")
        with pytest.raises(RegistryAway, match="contradicts itself"):
            client.id_of("Usage")
    assert client.definition_of(client.id_of("Usage")) == self_contained("Usage")
    assert effects["registry other type"]["answers"] >= 2


def test_a_registry_hangs_until_it_is_over(proxy):
    a_client(proxy.url).register(SUBJECTS)
    happening, effects = lying(proxy, "registry hangs")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(a_client(proxy.url).definition_of(1)))
    with happening:
        asking.start()
        asking.join(SHORT_S)
        assert answers == []
    asking.join(LONG_S)
    assert answers == [self_contained("Usage")]
    assert effects == {"registry hangs": {"answers": 1}}


def test_one_lie_at_a_time(proxy):
    with proxy.being("404"), proxy.being("500") as done:
        assert not done


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_lie_that_nobody_heard_leaves_no_trace(proxy, kind):
    happening, effects = lying(proxy, kind, patience_s=0.0)
    with happening:
        pass
    assert not any(effects[kind].values())


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_lie_goes_on_until_somebody_has_heard_it(proxy, kind):
    def ask():
        with suppress(OSError):  # whatever it answers
            urllib.request.urlopen(f"{proxy.url}/subjects")

    happening, effects = lying(proxy, kind)
    asking = threading.Timer(0.2, ask)
    with happening:
        asking.start()
    asking.join()
    assert effects[kind]["answers"] >= 1
