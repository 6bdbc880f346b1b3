"""Keys in use: whether they still stand."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from edge.callers.api_keys import ApiKeys
from edge.callers.caller import Caller
from edge.callers.standing import KeysInUse
from edge.problems import Problem


@pytest.fixture
def store(tmp_path):
    return ApiKeys(tmp_path / "keys.sqlite")


@pytest.fixture
def in_use(store):
    return KeysInUse(store)


def a_holder(key, **more):
    return Caller(key, "acme", "jane", "subject", frozenset(), (), **more)


async def test_all_who_hold_a_key_are_told_that_it_ended_and_nobody_else(store, in_use):
    mine, other = (store.create("acme")[0].id for _ in range(2))
    with (
        in_use.hold(a_holder(mine)) as first,
        in_use.hold(a_holder(mine)) as second,
        in_use.hold(a_holder(other)) as theirs,
    ):
        await in_use.look()
        store.revoke(mine)
        assert not first.ended
        await in_use.look()
        assert [one.ended for one in (first, second, theirs)] == ["revoked", "revoked", ""]
        theirs.check()
        with pytest.raises(Problem, match="revoked while it was in use") as refused:
            first.check()
        assert refused.value.status == 401
    assert len(in_use) == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE api_keys SET revoked_s = 1", "revoked"),
        ("UPDATE api_keys SET expires_s = 1", "expired"),
        ("UPDATE api_keys SET revoked_s = 1, expires_s = 1", "revoked"),
        ("UPDATE api_keys SET expires_s = 4000000000", ""),
        ("DELETE FROM api_keys", "deleted"),
    ],
)
def test_it_is_told_why_a_key_has_ended(store, change, why):
    identity = store.create("acme")[0].id
    store._database.execute(change)
    assert store.ended([identity]).get(identity, "") == why


def test_of_many_keys_those_are_told_that_ended(store):
    keys = [store.create("acme")[0].id for _ in range(1_500)]
    store.revoke(keys[7])
    assert store.ended(keys) == {keys[7]: "revoked"}
    assert store.ended([]) == {}


async def test_keys_are_looked_up_again_and_again_though_the_store_is_away_for_a_while(
    store, in_use
):
    identity = store.create("acme")[0].id
    store._database.execute("ALTER TABLE api_keys RENAME TO away")
    with in_use.hold(a_holder(identity)) as standing:
        with pytest.raises(sqlite3.Error):
            await in_use.look()
        watching = asyncio.create_task(in_use.watch(0.001))
        await asyncio.sleep(0.05)
        assert not standing.ended
        store._database.execute("ALTER TABLE away RENAME TO api_keys")
        store.revoke(identity)
        async with asyncio.timeout(60):
            while not standing.ended:  # noqa: ASYNC110 - another task tells it
                await asyncio.sleep(0.001)
        watching.cancel()


async def test_a_token_ends_at_its_time_and_is_looked_up_nowhere(store):
    now_s = 1_000.0
    in_use = KeysInUse(store, clock=lambda: now_s)
    token = a_holder("person-1", credential="", ends_s=1_060.0, came_by="token")
    longer = a_holder("person-1", credential="", ends_s=1_600.0, came_by="token")
    with in_use.hold(token) as standing, in_use.hold(longer) as other:
        await in_use.look()
        assert not standing.ended
        now_s = 1_060.0
        await in_use.look()
        assert (standing.ended, other.ended) == ("expired", ""), "two tokens of one person"
        with pytest.raises(Problem, match="this token was expired"):
            standing.check()


async def test_a_sign_in_is_looked_up_among_sign_ins_alone(store):
    entry, _ = store.create("acme")
    looked_up = []

    class SignedIn:
        def ended(self, identities):
            looked_up.append(tuple(identities))
            return dict.fromkeys(identities, "ended")

    in_use = KeysInUse(store, SignedIn())
    browser = a_holder("person-1", credential="login-1", ends_s=4e9, came_by="sign-in")
    with in_use.hold(browser) as standing, in_use.hold(a_holder(entry.id)) as with_key:
        await in_use.look()
    assert (standing.ended, with_key.ended, looked_up) == ("ended", "", [("login-1",)])
