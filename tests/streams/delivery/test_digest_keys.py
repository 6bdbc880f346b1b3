"""Keys for digests: each tenant's is looked up once, and until there is one."""

from itertools import repeat

import pytest

from agents.errors import Permanent, Transient
from streams.delivery.digest_keys import DigestKeys


class FakeStore:
    """Gives each tenant a key, after the failures that it is told of."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.asked = []

    def look_up(self, tenant):
        self.asked.append(tenant)
        if self.failures:
            raise self.failures.pop(0)
        return f"key of {tenant}".encode()


def keys_of(store, waited=None):
    def at_once():
        for _ in repeat(None):
            if waited is not None:
                waited.append(len(store.asked))
            yield 0.0

    return DigestKeys(store.look_up, at_once)


async def test_a_key_is_looked_up_once_for_each_tenant():
    store = FakeStore()
    keys = keys_of(store)
    asked = [await keys.of(tenant) for tenant in ("acme", "globex", "acme", "globex")]
    assert asked == [b"key of acme", b"key of globex"] * 2
    assert store.asked == ["acme", "globex"]


async def test_a_key_is_known_once_it_was_looked_up_and_to_its_tenant_alone():
    keys = keys_of(FakeStore())
    assert keys.known("acme") is None
    await keys.of("acme")
    assert keys.known("acme") == b"key of acme"
    assert keys.known("globex") is None


async def test_a_store_that_is_busy_is_asked_until_it_answers_with_a_pause_between():
    store, waited = FakeStore(Transient("busy"), Transient("busy")), []
    assert await keys_of(store, waited).of("acme") == b"key of acme"
    assert store.asked == ["acme"] * 3
    assert waited == [1, 2]


async def test_what_no_further_try_would_mend_is_passed_on_and_nothing_is_kept():
    store = FakeStore(Permanent("no such tenant"))
    keys = keys_of(store)
    with pytest.raises(Permanent, match="no such tenant"):
        await keys.of("acme")
    assert keys.known("acme") is None
    assert await keys.of("acme") == b"key of acme"
