"""What the runner relies on of the keyring: the fake keeps it as the real one does. Answers: connectors/test_contract.py."""

import pytest

from connectors.keyring import Keyring
from streams.running.world import World
from streams.settings import Settings
from tests.fake_connectors import FakeConnector, FakeKeyring


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
