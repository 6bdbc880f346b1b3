"""Keys for digests: each tenant's is looked up once, and until there is one."""

from functools import partial
from itertools import repeat

import pytest

from agents.errors import Permanent, Transient
from connectors.keyring import Keyring
from streams.delivery.digest_keys import DigestKeys
from streams.settings import Settings


class FakeFailingKeyring(Keyring):
    """The real one, after the failures that it is told of."""

    def __init__(self, run, *failures):
        super().__init__(Settings(run=run))
        self.failures = list(failures)
        self.asked = []

    def digest_key(self, tenant):
        self.asked.append(tenant)
        if self.failures:
            raise self.failures.pop(0)
        return super().digest_key(tenant)


@pytest.fixture
def a_store(tmp_path):
    return partial(FakeFailingKeyring, tmp_path)


@pytest.fixture
def key_of(tmp_path):
    return Keyring(Settings(run=tmp_path)).digest_key


def keys_of(store, waited=None):
    def at_once():
        for _ in repeat(None):
            if waited is not None:
                waited.append(len(store.asked))
            yield 0.0

    return DigestKeys(store.digest_key, at_once)


async def test_a_key_is_looked_up_once_for_each_tenant(a_store, key_of):
    store = a_store()
    keys = keys_of(store)
    asked = [await keys.of(tenant) for tenant in ("acme", "globex", "acme", "globex")]
    assert asked == [key_of("acme"), key_of("globex")] * 2
    assert store.asked == ["acme", "globex"]


async def test_a_key_is_known_once_it_was_looked_up_and_to_its_tenant_alone(a_store, key_of):
    keys = keys_of(a_store())
    assert keys.known("acme") is None
    await keys.of("acme")
    assert keys.known("acme") == key_of("acme")
    assert keys.known("globex") is None


async def test_a_store_that_is_busy_is_asked_until_it_answers_with_a_pause_between(a_store, key_of):
    store, waited = a_store(Transient("busy"), Transient("busy")), []
    assert await keys_of(store, waited).of("acme") == key_of("acme")
    assert store.asked == ["acme"] * 3
    assert waited == [1, 2]


async def test_what_no_further_try_would_mend_is_passed_on_and_nothing_is_kept(a_store, key_of):
    store = a_store(Permanent("no such tenant"))
    keys = keys_of(store)
    with pytest.raises(Permanent, match="no such tenant"):
        await keys.of("acme")
    assert keys.known("acme") is None
    assert await keys.of("acme") == key_of("acme")
