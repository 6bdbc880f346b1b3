"""Sealing: bytes that never change, and names that are checked before anything is made."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent
from connectors.keyring.sealing import KINDS, KeyringSealer
from schemas import Sealed
from streams.settings import Settings


@pytest.fixture(scope="module")
def sealer(unit_path_factory):
    return KeyringSealer(Settings(run=unit_path_factory.mktemp("keys")))


def test_a_known_key_seals_to_known_bytes(sealer):
    """A log written by any release opens with every later one."""
    sealed = sealer.seal("acme", "user/known", "e-1", "text", b"hello")
    secret = sealer._store.read("acme", "user/known")
    bound = [b"acme", b"user/known", b"e-1", b"text"]
    assert sealed.ciphertext == AESSIV(secret).encrypt(b"hello", bound)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acme", "globex"]), st.sampled_from("ef"), st.sampled_from("tu")
        ),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_the_same_value_sealed_elsewhere_looks_different(sealer, places):
    sealed = [
        sealer.seal(tenant, "user/1", event, field, b"the same") for tenant, event, field in places
    ]
    assert len({one.ciphertext for one in sealed}) == len(places)


@pytest.mark.parametrize("name", ["", "digest", "users/1", "USER/1", " user/1", "userx"])
def test_a_name_of_no_known_kind_is_refused_wherever_it_is_given(sealer, name):
    sealed = Sealed(key=name, event="e", field="f", ciphertext=b"x" * 20)
    for use in (
        lambda: sealer.seal("acme", name, "e", "f", b""),
        lambda: sealer.unseal("acme", sealed),
        lambda: sealer.destroy("acme", name),
        lambda: sealer.prepare("acme", ["user/never", name]),
    ):
        with pytest.raises(Permanent, match=f"is no key name: it begins with {KINDS[0]}"):
            use()
    assert "user/never" not in sealer.keys("acme")


def test_unsealing_makes_no_key(sealer):
    sealed = Sealed(key="user/stranger", event="e", field="f", ciphertext=b"x" * 20)
    with pytest.raises(Permanent, match=r"no key user/stranger of tenant acme.*PLAYHEAD_KEYRING"):
        sealer.unseal("acme", sealed)
    assert "user/stranger" not in sealer.keys("acme")


@pytest.mark.parametrize("ciphertext", [b"", b"short", b"\0" * 16, b"\0" * 10_000])
def test_any_other_bytes_are_refused_with_what_to_do(sealer, ciphertext):
    sealer.seal("acme", "user/1", "e", "text", b"")
    forged = Sealed(key="user/1", event="e", field="text", ciphertext=ciphertext)
    with pytest.raises(Permanent, match=r"text of event e does not open.*again from its source"):
        sealer.unseal("acme", forged)


def test_keys_are_made_together_where_several_are_missing(sealer):
    sealer.prepare("initech", ["value/1", "value/2", "value/1"])
    assert sealer.keys("initech") == ("value/1", "value/2")
    sealer.prepare("initech", ["value/3"])  # one alone is made when it is needed
    assert sealer.keys("initech") == ("value/1", "value/2")


def test_a_destroyed_key_is_not_prepared_again(sealer):
    sealer.prepare("hooli", ["value/1", "value/2"])
    assert sealer.destroy("hooli", "value/1")
    sealer.prepare("hooli", ["value/1", "value/2"])
    with pytest.raises(KeyDestroyed):
        sealer.seal("hooli", "value/1", "e", "f", b"x")


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_digests_are_equal_for_equal_values_alone(sealer, one, other):
    assert (sealer.digest("acme", one) == sealer.digest("acme", other)) == (one == other)


@pytest.mark.parametrize("size", [83, 84, 85, 1_000])
def test_a_ciphertext_travels_by_claim_from_its_limit_on(tmp_path, size):
    sealer = KeyringSealer(Settings(run=tmp_path, claim_bytes=100))
    sealed = sealer.seal("acme", "user/1", "e", "f", b"x" * size)
    assert bool(sealed.claim) == (size + 16 > 100)  # SIV adds 16 bytes
    assert (sealed.ciphertext == b"") == bool(sealed.claim)
    assert sealer.unseal("acme", sealed) == b"x" * size


def test_no_error_quotes_what_was_sealed(sealer):
    secret = base64.b64encode(b"Ada's number").decode()
    sealed = sealer.seal("acme", "user/1", "e", "text", secret.encode())
    with pytest.raises(Permanent) as raised:
        sealer.unseal("globex", sealed)
    assert secret not in str(raised.value)
