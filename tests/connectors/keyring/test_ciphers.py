"""Ciphers in memory: read once, bounded, and forgotten when another process destroys the key."""

import subprocess
import sys
import threading

import pytest

from agents.errors import KeyDestroyed
from connectors.keyring.ciphers import Ciphers
from connectors.keyring.store import KeyStore


@pytest.fixture
def store(tmp_path):
    store = KeyStore(tmp_path / "keyring.sqlite", tmp_path / "master.key")
    store.create("acme", [f"user/{n}" for n in range(9)])
    return store


def reopened(store, kind):
    """The same store, opened as another kind."""
    return kind(store.path, store.path.parent / "master.key")


def test_a_cipher_is_read_once(store):
    ciphers = Ciphers(store)
    first = ciphers.get("acme", "user/1")
    assert first is not None
    store.close()
    again = ciphers.get("acme", "user/1")
    assert again is not None
    assert again.decrypt(first.encrypt(b"words", None), None) == b"words"


def test_whether_a_key_is_there_is_told_without_a_cipher(store, monkeypatch):
    monkeypatch.setattr("connectors.keyring.ciphers.AESSIV", None)
    ciphers = Ciphers(store, fresh_s=0.0)
    assert ciphers.has("acme", "user/1")
    assert not ciphers.has("acme", "user/none")
    reopened(store, KeyStore).destroy("acme", "user/1")
    with pytest.raises(KeyDestroyed):
        ciphers.has("acme", "user/1")
    assert ciphers.has("acme", "user/2")


MANY = 4_000
BYTES_MAX = 1_500
"""Of resident memory for one more key in use; a cipher of OpenSSL's takes 4,000."""


def test_a_key_in_use_takes_some_hundred_bytes_of_memory(tmp_path):
    """In a process of its own: what others took before and gave back would hide it."""
    program = (
        "import sys, psutil; from pathlib import Path;"
        "from connectors.keyring.ciphers import Ciphers;"
        "from connectors.keyring.store import KeyStore;"
        "folder = Path(sys.argv[1]); many = int(sys.argv[2]);"
        "store = KeyStore(folder / 'keyring.sqlite', folder / 'master.key');"
        "store.create('acme', [f'value/{n}' for n in range(2 * many)]);"
        "ciphers = Ciphers(store);"
        "take = lambda first: [ciphers.get('acme', f'value/{n}') and 0 for n in range(first, first + many)];"
        "take(0); before = psutil.Process().memory_info().rss;"
        "take(many); print((psutil.Process().memory_info().rss - before) / many)"
    )
    argv = [sys.executable, "-c", program, str(tmp_path), str(MANY)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert float(told.stdout) < BYTES_MAX


def test_a_key_that_does_not_exist_is_none_until_it_does(store):
    ciphers = Ciphers(store)
    assert ciphers.get("acme", "user/new") is None
    store.create("acme", ["user/new"])
    assert ciphers.get("acme", "user/new") is not None


def test_memory_is_bounded_and_the_oldest_go_first(store):
    ciphers = Ciphers(store, cached_max=3)
    for number in range(5):
        ciphers.get("acme", f"user/{number}")
    assert [("acme", f"user/{n}") in ciphers for n in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize("fresh_s", [0, 3_600])
def test_a_key_destroyed_elsewhere_is_forgotten_when_it_is_time_to_look(store, fresh_s):
    ciphers = Ciphers(store, fresh_s)
    ciphers.get("acme", "user/1")
    store.destroy("acme", "user/1")
    if fresh_s:
        assert ciphers.get("acme", "user/1") is not None
        ciphers.forget("acme", "user/1")
    with pytest.raises(KeyDestroyed):
        ciphers.get("acme", "user/1")


def test_what_was_destroyed_before_is_not_told_again(store):
    asked = []

    class Watched(KeyStore):
        def destroyed_since(self, number):
            asked.append(number)
            return super().destroyed_since(number)

    store.destroy("acme", "user/1")
    ciphers = Ciphers(reopened(store, Watched), fresh_s=0)
    ciphers.get("acme", "user/2")
    store.destroy("acme", "user/3")
    ciphers.get("acme", "user/2")
    ciphers.get("acme", "user/2")
    assert asked == [1, 1, 2]


def test_a_key_destroyed_while_it_is_read_does_not_stay(store):
    """Another process destroys it between our reading and our keeping it."""
    looked = threading.Event()

    def look():
        ciphers.get("acme", "user/2")
        looked.set()

    looking = threading.Thread(target=look)

    class Slow(KeyStore):
        def read(self, tenant, name):
            secret = super().read(tenant, name)
            if name == "user/1":
                store.destroy(tenant, name)
                looking.start()  # who forgets what was destroyed must come after the keeping
                assert not looked.wait(0.05)
            return secret

    ciphers = Ciphers(reopened(store, Slow), fresh_s=0)
    ciphers.get("acme", "user/1")
    looking.join()
    with pytest.raises(KeyDestroyed):
        ciphers.get("acme", "user/1")


def test_clearing_forgets_all(store):
    ciphers = Ciphers(store)
    ciphers.get("acme", "user/1")
    ciphers.clear()
    assert ("acme", "user/1") not in ciphers
