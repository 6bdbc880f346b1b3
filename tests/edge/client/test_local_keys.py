"""Keys of the local stack."""

from __future__ import annotations

import json

import pytest

from edge.callers.api_keys import ApiKeys, BadKey, keys_path
from edge.client.local_keys import LocalKeys
from streams.settings import Settings


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "stack.json").write_text("{}")
    return Settings(run=tmp_path)


def test_without_a_stack_there_is_no_key(tmp_path):
    with pytest.raises(BadKey, match="playhead up"):
        LocalKeys(Settings(run=tmp_path)).key("acme")
    assert list(tmp_path.iterdir()) == []


def test_each_tenant_gets_one_key_that_is_kept(settings):
    acme, globex = LocalKeys(settings).key("acme"), LocalKeys(settings).key("globex")
    assert acme != globex
    assert (LocalKeys(settings).key("acme"), LocalKeys(settings).key("globex")) == (acme, globex)
    store = ApiKeys(keys_path(settings))
    assert store.find(acme).tenant == "acme"
    assert [len(store.all(tenant)) for tenant in ("acme", "globex")] == [1, 1]


def test_the_keys_are_private(settings):
    LocalKeys(settings).key("acme")
    assert (settings.run / "local-keys.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("revoked", [True, False])
def test_a_key_that_is_valid_no_more_is_made_anew(settings, revoked):
    first = LocalKeys(settings).key("acme")
    if revoked:
        store = ApiKeys(keys_path(settings))
        store.revoke(store.find(first).id)
    else:
        (settings.run / "local-keys.json").write_text(json.dumps({"acme": "ph_of_another_run"}))
    second = LocalKeys(settings).key("acme")
    assert second not in (first, "ph_of_another_run")
    assert LocalKeys(settings).key("acme") == second


@pytest.mark.parametrize("tenant", ["", "a b", "../etc", "a" * 64])
def test_no_key_is_made_for_what_is_no_tenant(settings, tenant):
    with pytest.raises(BadKey, match="1 to 63 letters"):
        LocalKeys(settings).key(tenant)
    assert ApiKeys(keys_path(settings)).all() == []
