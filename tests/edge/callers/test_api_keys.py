"""The store of API keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.callers.api_keys import DEFAULT_SCOPES, ApiKeys, BadKey, instant, keys_path, seconds
from streams.settings import Settings


@pytest.fixture
def store(tmp_path):
    return ApiKeys(tmp_path / "keys.sqlite")


def test_keys_are_stored_hashed_and_private(tmp_path):
    store = ApiKeys(tmp_path / "keys.sqlite")
    entry, secret = store.create("acme", user="jane", ttl_s=60)
    assert store.find(secret) == entry
    assert store.find(secret + "x") is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o077 == 0
    assert entry.as_json()["expires_at"] == instant(entry.created_s + 60)


def test_a_key_has_what_it_was_made_with(store):
    entry, secret = store.create("acme", scopes=["read", "read"], groups=["staff", "staff"])
    assert (entry.scopes, entry.groups) == (("read",), ("staff",))
    assert entry.user == entry.id  # its own data subject, where none is named
    assert entry.expires_s is None
    assert secret.startswith("ph_")
    assert store.find(secret) == entry
    assert store.create("acme")[0].scopes == DEFAULT_SCOPES


def test_no_two_keys_are_the_same(store):
    made = [store.create("acme") for _ in range(20)]
    assert len({secret for _, secret in made}) == len({entry.id for entry, _ in made}) == 20


def test_a_revoked_key_is_none_in_every_process_at_once(tmp_path, store):
    entry, secret = store.create("acme")
    elsewhere = ApiKeys(tmp_path / "keys.sqlite")
    assert elsewhere.find(secret)
    revoked = store.revoke(entry.id)
    assert elsewhere.find(secret) is None
    assert revoked.revoked_s
    assert store.revoke(entry.id) == revoked  # a repeat changes nothing


@pytest.mark.parametrize(("ttl_s", "valid"), [(None, True), (60, True), (0, False), (-1, False)])
def test_a_key_lives_as_long_as_it_was_made_for(store, ttl_s, valid):
    _, secret = store.create("acme", ttl_s=ttl_s)
    assert (store.find(secret) is not None) == valid


def test_keys_are_listed_by_tenant(store):
    for tenant in ("acme", "globex", "acme"):
        store.create(tenant)
    assert [entry.tenant for entry in store.all("acme")] == ["acme", "acme"]
    assert len(store.all()) == 3
    assert store.all("none") == []


@pytest.mark.parametrize(
    "scope", ["", "everything", "restore:", "restore:person", "restore:A B", "restore:PERSON_"]
)
def test_an_unknown_scope_is_refused_with_those_there_are(store, scope):
    with pytest.raises(
        BadKey, match="choose from ask, ingest, restore, review, audit, metrics, erase, admin"
    ):
        store.create("acme", scopes=[scope])
    assert store.all() == []


@pytest.mark.parametrize("tenant", ["", "a b", "../etc", "-a", "a" * 64])
def test_no_key_is_made_for_what_is_no_tenant(store, tenant):
    with pytest.raises(BadKey, match="1 to 63 letters"):
        store.create(tenant)
    assert store.all() == []


@pytest.mark.parametrize(
    ("at", "beyond"),
    [
        ({"user": "u" * 256}, {"user": "u" * 257}),
        ({"user": "é"}, {"user": "\udcff"}),
        ({"groups": ["g"] * 512}, {"groups": ["g"] * 513}),
        ({"groups": ["g" * 128]}, {"groups": ["g" * 129]}),
        ({"groups": ["g"]}, {"groups": [""]}),
        ({"groups": ["é"]}, {"groups": ["\udcff"]}),
    ],
)
def test_what_goes_with_each_question_of_a_key_has_its_bounds(store, at, beyond):
    assert store.create("acme", **at)
    with pytest.raises(BadKey):
        store.create("acme", **beyond)
    assert len(store.all()) == 1


@pytest.mark.parametrize(("at", "beyond"), [("36525d", "36526d"), ("876600h", "999999999d")])
def test_no_time_to_live_is_longer_than_a_time_can_be_spelt(store, at, beyond):
    entry, _ = store.create("acme", ttl_s=seconds(at))
    assert entry.as_json()["expires_at"]
    with pytest.raises(BadKey, match="more than a century"):
        seconds(beyond)


def test_an_unknown_key_can_not_be_revoked(store):
    with pytest.raises(BadKey, match="playhead keys list"):
        store.revoke("key-none")


def test_a_file_that_is_no_store_says_so(tmp_path):
    path = tmp_path / "keys.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(BadKey, match=r"keys\.sqlite can't be used"):
        ApiKeys(path)


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), (" 1s ", 1), ("999999999s", 999_999_999)],
)
def test_a_time_to_live_is_read(text, expected_s):
    assert seconds(text) == expected_s


@pytest.mark.parametrize("text", ["", "soon", "0d", "-1d", "1", "1w", "1.5h", "1 d", "1234567890s"])
def test_what_is_no_time_to_live_is_refused(text):
    with pytest.raises(BadKey, match="such as 30d"):
        seconds(text)


@given(st.text(max_size=20))
def test_no_text_is_a_key_by_chance(unit_path_factory, text):
    folder = unit_path_factory.getbasetemp() / "chance"
    store = STORES.setdefault(folder, None) or ApiKeys(folder / "keys.sqlite")
    STORES[folder] = store
    if not store.all():
        store.create("acme")
    assert store.find(text) is None


STORES = {}


def test_a_run_has_one_store(tmp_path):
    assert keys_path(Settings(run=tmp_path)) == tmp_path / "keys.sqlite"
