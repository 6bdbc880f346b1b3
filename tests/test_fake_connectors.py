"""What the runner relies on of the keyring: the fake keeps it as the real one does. Answers: connectors/test_contract.py."""

import pytest

from agents.errors import Transient
from connectors.keyring import Keyring
from schemas import Generate, Generated
from streams.running.world import Call, World
from streams.settings import Settings
from tests.fake_connectors import FakeAnsweringConnector, FakeConnector, FakeKeyring

GENERATE = Generate(prompt="p", max_tokens=1)
CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="t", offset=0)


@pytest.fixture(params=["fake", "real"])
def keyring(request, tmp_path):
    return FakeKeyring() if request.param == "fake" else Keyring(Settings(run=tmp_path))


def test_a_tenant_has_one_key_for_digests(keyring):
    key = keyring.digest_key("acme")
    assert type(key) is bytes
    assert len(key) >= 32
    assert keyring.digest_key("acme") == key


async def test_a_world_takes_it_and_closes_it(keyring):
    assert await World((keyring, FakeConnector()), 1.0).close() is None


async def test_an_error_among_the_parts_of_an_answer_is_raised_after_what_came():
    part = Generated(tokens=())
    connector = FakeAnsweringConnector({Generate: lambda _: [part, Transient("broke"), part]})
    came = []

    async def take():
        async for one in connector.stream_handlers()[Generate](GENERATE, CALL):
            came.append(one)

    with pytest.raises(Transient, match="broke"):
        await take()
    assert came == [part]
    assert connector.calls == [CALL]
