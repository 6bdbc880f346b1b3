"""Erasing keys: all or none, told again after a crash, and in no file that is copied later."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent
from connectors.keyring import Keyring
from connectors.keyring.at_rest import KeyringAtRest
from connectors.keyring.store import KeyState
from streams.settings import Settings


@pytest.fixture
def keyring(tmp_path):
    return Keyring(Settings(run=tmp_path), fresh_s=0.0)


def wrapped(keyring, name):
    [row] = keyring._store._select("SELECT wrapped FROM keys WHERE name = ?", name)
    return row[0]


def files_of(keyring):
    folder = keyring._store.path.parent
    return b"".join(path.read_bytes() for path in folder.glob("keyring.sqlite*"))


def test_what_an_erasure_destroyed_is_told_again_and_nothing_else(keyring):
    for name in ("user/a", "user/b", "value/v"):
        keyring.seal("acme", name, "e", "f", b"x")
    keyring.destroy("acme", "value/v")
    names = ("user/a", "value/v", "value/never")
    assert keyring.erase("acme", "one", names) == ("user/a",)
    assert keyring.erase("acme", "one", names) == ("user/a",)
    assert keyring.erase("acme", "two", names) == ()
    assert keyring.erase("globex", "one", ()) == ()
    assert keyring.keys("acme") == ("user/b",)
    assert keyring.states("acme", ["user/a", "user/b", "value/never"]).keys() == {
        "user/a",
        "user/b",
    }


def test_a_store_that_was_restored_loses_what_it_must_not_hold(keyring):
    sealed = keyring.seal("acme", "user/a", "e", "f", b"x")
    assert keyring.erase("acme", "one", ["user/a", "user/gone"], absent=True) == (
        "user/a",
        "user/gone",
    )
    for opening in (
        lambda: keyring.unseal("acme", sealed),
        lambda: keyring.seal("acme", "user/gone", "e", "f", b"x"),
    ):
        with pytest.raises(KeyDestroyed):
            opening()


def test_no_file_holds_a_wrapped_key_afterwards(keyring):
    names = [f"value/{number}" for number in range(30)]
    for name in names:
        keyring.seal("acme", name, "e", "f", b"x")
    secrets = [wrapped(keyring, name) for name in names]
    assert all(secret in files_of(keyring) for secret in secrets)
    keyring.erase("acme", "one", names)
    assert not any(secret in files_of(keyring) for secret in secrets)


def test_a_name_that_is_none_destroys_nothing(keyring):
    keyring.seal("acme", "user/a", "e", "f", b"x")
    with pytest.raises(Permanent, match="is no key name"):
        keyring.erase("acme", "one", ["user/a", "digest"])
    assert keyring.keys("acme") == ("user/a",)


def test_another_process_learns_of_it(keyring, tmp_path):
    sealed = keyring.seal("acme", "user/a", "e", "f", b"x")
    other = Keyring(Settings(run=tmp_path), fresh_s=0.0)
    assert other.unseal("acme", sealed) == b"x"
    keyring.erase("acme", "one", ["user/a"])
    with pytest.raises(KeyDestroyed):
        other.unseal("acme", sealed)
    assert other.states("acme", ["user/a"])["user/a"][1]
    with pytest.raises(KeyDestroyed):
        KeyringAtRest(Settings(run=tmp_path)).seal("acme", "user/a", "e", "f", b"x")


def test_whoever_was_erased_goes_under_another_digest_each_time(keyring):
    first = keyring.digest("acme", b"jane")
    assert keyring.subjects("acme", first) == (first,)
    known = [first]
    for number in range(3):
        keyring.seal("acme", f"user/{known[-1]}", "e", "f", b"x")
        keyring.erase("acme", str(number), [f"user/{known[-1]}"])
        subjects = keyring.subjects("acme", first)
        assert subjects[:-1] == tuple(known)
        known.append(subjects[-1])
    assert len(set(known)) == 4
    assert keyring.subjects("acme", known[2]) == tuple(known[2:])
    assert keyring.subjects("globex", first) == (first,)


@settings(max_examples=25, deadline=None)
@given(user=st.text(max_size=80))
def test_no_user_can_be_called_what_another_is_after_an_erasure(unit_path_factory, user):
    keyring = KEYRINGS.setdefault("one", None) or Keyring(
        Settings(run=unit_path_factory.mktemp("any")), fresh_s=0.0
    )
    KEYRINGS["one"] = keyring
    first = keyring.digest("acme", b"jane")
    keyring.seal("acme", f"user/{first}", "e", "f", b"x") if not keyring.states(
        "acme", [f"user/{first}"]
    ) else None
    keyring.erase("acme", "one", [f"user/{first}"])
    after = keyring.subjects("acme", first)[-1]
    for name in (user, f"subject after {first}", f"\u00ffsubject after {first}"):
        assert keyring.digest("acme", name.encode("utf-8", "replace")) != after


KEYRINGS = {}


def test_the_state_of_a_key_tells_since_when(keyring):
    keyring.seal("acme", "user/a", "e", "f", b"x")
    state = keyring.states("acme", ["user/a"])["user/a"]
    assert isinstance(state, KeyState)
    assert not state.destroyed
    assert state.created_s > 1_700_000_000
