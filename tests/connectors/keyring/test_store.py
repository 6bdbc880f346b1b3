"""The store of keys: made once, read by all, destroyed for good."""

import base64
import os
import sqlite3
import threading
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.keyring.store import DIGEST_KEY, KEY_BYTES, KeyStore
from streams.settings import BadSetting

NAMES = st.text("ab/é", min_size=1, max_size=4)


@pytest.fixture
def opened(tmp_path):
    """What opens a store: the same one each time."""
    return lambda: KeyStore(tmp_path / "keyring.sqlite", tmp_path / "master.key")


@pytest.fixture
def store(opened):
    return opened()


def test_a_key_is_random_and_the_same_for_everyone(opened):
    one, other = opened(), opened()
    one.create("acme", ["user/1", "user/2"])
    other.create("acme", ["user/1", "user/3"])
    keys = {name: one.read("acme", name) for name in ("user/1", "user/2", "user/3")}
    assert keys == {name: other.read("acme", name) for name in keys}
    assert len(set(keys.values())) == 3
    assert {len(key) for key in keys.values()} == {KEY_BYTES}


def test_a_key_belongs_to_its_tenant(store):
    store.create("acme", ["user/1"])
    store.create("globex", ["user/1"])
    assert store.read("acme", "user/1") != store.read("globex", "user/1")
    assert store.read("initech", "user/1") is None


def test_no_key_stands_in_the_file_in_plain(store, tmp_path):
    store.create("acme", ["user/1"])
    secret = store.read("acme", "user/1")
    for path in tmp_path.iterdir():
        assert secret not in path.read_bytes()
        assert secret[:16] not in path.read_bytes()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE keys SET wrapped = zeroblob(length(wrapped))",
        "UPDATE keys SET wrapped = substr(wrapped, 1, 40)",
        "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE name = 'user/2')",
        "UPDATE keys SET tenant = 'globex' WHERE name = 'user/1'",
    ],
)
def test_a_key_that_was_changed_or_moved_is_named(store, tmp_path, statement):
    store.create("acme", ["user/1", "user/2"])
    with closing(sqlite3.connect(tmp_path / "keyring.sqlite")) as raw:
        raw.execute(statement)
        raw.commit()
    tenant = "globex" if "globex" in statement else "acme"
    with pytest.raises(Permanent, match=r"key user/1 of tenant \w+ in .* was changed: restore"):
        store.read(tenant, "user/1")


def test_a_destroyed_key_leaves_its_name_and_is_not_made_again(opened):
    one, other = opened(), opened()
    one.create("acme", ["user/1"])
    assert one.destroy("acme", "user/1")
    assert not other.destroy("acme", "user/1")
    assert not other.destroy("acme", "user/2")
    other.create("acme", ["user/1"])
    for ring in (one, other):
        with pytest.raises(KeyDestroyed, match="user/1 of tenant acme was destroyed"):
            ring.read("acme", "user/1")


def test_destroyed_keys_are_told_in_order_by_number(opened):
    one, other = opened(), opened()
    assert one.last_destroyed() == 0
    one.create("acme", ["user/1", "user/2"])
    one.create("globex", ["user/1"])
    for tenant, name in (("acme", "user/2"), ("globex", "user/1"), ("acme", "user/1")):
        one.destroy(tenant, name)
    assert other.destroyed_since(0) == [
        ("acme", "user/2", 1),
        ("globex", "user/1", 2),
        ("acme", "user/1", 3),
    ]
    assert other.destroyed_since(2) == [("acme", "user/1", 3)]
    assert other.last_destroyed() == 3


def test_names_are_those_in_use_sorted_and_without_the_digest_key(store):
    store.create("acme", ["value/b", "document/a", DIGEST_KEY, "user/1"])
    store.destroy("acme", "user/1")
    assert store.names("acme") == ("document/a", "value/b")
    assert store.names("globex") == ()


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["a", "aa"]), NAMES), unique=True, max_size=8))
def test_tenants_and_names_that_join_alike_have_keys_of_their_own(unit_path_factory, pairs):
    folder = unit_path_factory.mktemp("store")
    store = KeyStore(folder / "keyring.sqlite", folder / "master.key")
    for tenant, name in pairs:
        store.create(tenant, [name])
    keys = [store.read(tenant, name) for tenant, name in pairs]
    assert None not in keys
    assert len(set(keys)) == len(pairs)
    store.close()


def test_threads_that_make_one_key_at_once_read_one(store):
    keys = set()
    together = threading.Barrier(8)

    def make():
        together.wait()
        store.create("acme", ["user/1"])
        keys.add(store.read("acme", "user/1"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1


def test_a_store_that_does_not_answer_is_worth_another_try(store):
    store.close()
    with pytest.raises(Transient, match=r"key store .*keyring\.sqlite does not answer"):
        store.read("acme", "user/1")
    with pytest.raises(Transient, match="does not answer"):
        store.create("acme", ["user/1"])


def test_a_write_that_fails_half_way_leaves_nothing(store):
    def names():
        yield "user/1"
        raise ValueError("a mistake of the caller")

    with pytest.raises(ValueError):
        store.create("acme", names())
    assert store.names("acme") == ()
    store.create("acme", ["user/1"])  # and no transaction stays open


def test_a_file_that_is_no_store_says_which_setting_names_it(tmp_path):
    (tmp_path / "keyring.sqlite").write_bytes(b"not a database, " * 50)
    (tmp_path / "master.key").write_bytes(base64.b64encode(os.urandom(32)))
    (tmp_path / "master.key").chmod(0o600)
    with pytest.raises(BadSetting, match=r"can't be used as the key store.*PLAYHEAD_KEYRING"):
        KeyStore(tmp_path / "keyring.sqlite", tmp_path / "master.key")


def test_a_store_of_the_first_release_opens(tmp_path):
    """The file as 0.1.0 wrote it: one key, wrapped by the master key beside it."""
    master = bytes(range(32))
    (tmp_path / "master.key").write_bytes(base64.b64encode(master))
    (tmp_path / "master.key").chmod(0o600)
    cipher, nonce, secret = AESGCM(master), b"n" * 12, bytes(range(64))
    with closing(sqlite3.connect(tmp_path / "keyring.sqlite")) as raw:
        raw.executescript(
            "CREATE TABLE keyring (version INTEGER NOT NULL, proof BLOB NOT NULL);"
            "CREATE TABLE keys (tenant TEXT NOT NULL, name TEXT NOT NULL, wrapped BLOB,"
            " created_s INTEGER NOT NULL, destroyed INTEGER, PRIMARY KEY (tenant, name))"
            " WITHOUT ROWID;"
        )
        proof = nonce + cipher.encrypt(nonce, b"playhead keyring 1", None)
        wrapped = nonce + cipher.encrypt(nonce, secret, b"4:acmeuser/1")
        raw.execute("INSERT INTO keyring VALUES (1, ?)", (proof,))
        raw.execute("INSERT INTO keys VALUES ('acme', 'user/1', ?, 1, NULL)", (wrapped,))
        raw.commit()
    store = KeyStore(tmp_path / "keyring.sqlite", tmp_path / "master.key")
    assert store.read("acme", "user/1") == secret


def test_values_of_documents_are_recalled_of_their_tenant_alone_however_many_are_asked(opened):
    one, other = opened(), opened()
    many = [f"{number:064x}" for number in range(2_000)]
    one.remember("acme", [(digest, "PERSON") for digest in many[::2]])
    one.remember("acme", [(many[0], "AGE"), (many[1], "AGE")])
    one.remember("globex", [(many[3], "AGE")])
    recalled = other.recall("acme", many)
    assert recalled == {**dict.fromkeys(many[::2], "PERSON"), many[1]: "AGE"}
    assert other.recall("initech", many) == {}
    assert other.recall("acme", []) == {}


def test_readable_words_are_those_of_their_tenant_however_many_are_asked(opened):
    many = [str(number) for number in range(1_200)]
    first, other = opened(), opened()
    first.remember_words("acme", many, many[1::2])
    first.remember("acme", [(many[0], "PERSON")])
    first.remember("initech", [(many[2], "PERSON")])
    assert other.readable("acme", many) == {*many[2::2]}
    assert other.readable("initech", many) == other.readable("acme", []) == set()


def test_a_store_of_before_learns_to_remember_values(opened, tmp_path):
    store = opened()
    store.create("acme", ["user/1"])
    key = store.read("acme", "user/1")
    store.close()
    with closing(sqlite3.connect(tmp_path / "keyring.sqlite")) as file:
        file.execute("DROP TABLE known_values")
    again = opened()
    again.remember("acme", [("d", "PERSON")])
    assert again.recall("acme", ["d"]) == {"d": "PERSON"}
    assert again.read("acme", "user/1") == key
