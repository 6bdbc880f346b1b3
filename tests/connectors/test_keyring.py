"""The keyring: sealing, erasing, and what the store does under several processes."""

import base64
import multiprocessing
import os

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.errors import KeyDestroyed, Permanent
from connectors import keyring as module
from connectors.keyring import Keyring
from schemas import Digest, Seal, Sealed, SealItem, Unseal
from streams.running.world import Call
from streams.settings import BadSetting, Settings

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=0)
ONE_KEYRING = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path)


@pytest.fixture
def keyring(settings):
    return Keyring(settings)


@ONE_KEYRING
@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_what_was_sealed_opens_and_seals_to_the_same_bytes_again(keyring, value, event, field):
    sealed = keyring.seal("acme", "user/1", event, field, value)
    assert keyring.unseal("acme", sealed) == value
    assert keyring.seal("acme", "user/1", event, field, value) == sealed


@ONE_KEYRING
@given(st.binary(max_size=60), st.data())
def test_any_flipped_bit_is_refused(keyring, value, data):
    sealed = keyring.seal("acme", "user/1", "e", "text", value)
    bit = data.draw(st.integers(0, len(sealed.ciphertext) * 8 - 1))
    changed = bytearray(sealed.ciphertext)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Permanent, match="does not open"):
        keyring.unseal("acme", replace(sealed, ciphertext=bytes(changed)))


@pytest.mark.parametrize("change", [{"event": "other"}, {"field": "other"}, {"key": "user/2"}])
def test_a_sealed_value_can_not_be_moved(keyring, change):
    keyring.seal("acme", "user/2", "e", "text", b"")
    sealed = keyring.seal("acme", "user/1", "e", "text", b"hello")
    with pytest.raises(Permanent, match="does not open"):
        keyring.unseal("acme", replace(sealed, **change))


def test_another_tenant_can_not_open_it(keyring):
    sealed = keyring.seal("acme", "user/1", "e", "text", b"hello")
    with pytest.raises(Permanent, match="no key user/1 of tenant globex"):
        keyring.unseal("globex", sealed)
    keyring.seal("globex", "user/1", "e", "text", b"")
    with pytest.raises(Permanent, match="does not open"):
        keyring.unseal("globex", sealed)


def test_a_destroyed_key_is_erased_and_never_made_again(keyring, settings):
    sealed = keyring.seal("acme", "user/1", "e", "text", b"hello")
    assert keyring.destroy("acme", "user/1") is True
    assert keyring.destroy("acme", "user/1") is False
    for ring in (keyring, Keyring(settings)):
        with pytest.raises(KeyDestroyed):
            ring.unseal("acme", sealed)
        with pytest.raises(KeyDestroyed):
            ring.seal("acme", "user/1", "e", "text", b"hello")
    assert keyring.keys("acme") == ()


def test_another_process_forgets_a_destroyed_key(keyring, settings, monkeypatch):
    other = Keyring(settings)
    sealed = keyring.seal("acme", "user/1", "e", "text", b"hello")
    assert other.unseal("acme", sealed) == b"hello"
    keyring.destroy("acme", "user/1")
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    with pytest.raises(KeyDestroyed):
        other.unseal("acme", sealed)


def test_the_wrapped_key_leaves_the_files_when_it_is_destroyed(keyring, settings):
    keyring.seal("acme", "user/1", "e", "text", b"hello")
    wrapped = keyring._wrapped("acme", "user/1")

    def on_disk():
        return any(wrapped in path.read_bytes() for path in settings.run.glob("keyring.sqlite*"))

    assert on_disk()
    keyring.destroy("acme", "user/1")
    assert not on_disk()


def test_keys_are_listed_by_tenant(keyring):
    for name in ("value/b", "document/a"):
        keyring.seal("acme", name, "e", "f", b"")
    keyring.digest("acme", b"")
    assert keyring.keys("acme") == ("document/a", "value/b")
    assert keyring.keys("globex") == ()


def test_a_key_of_no_known_kind_is_refused(keyring):
    with pytest.raises(Permanent, match="is no key name"):
        keyring.seal("acme", "digest", "e", "f", b"")
    with pytest.raises(Permanent, match="is no key name"):
        keyring.destroy("acme", "digest")


def test_digests_are_keyed_by_tenant_and_outlive_the_process(keyring, settings):
    assert keyring.digest("acme", b"ada") == Keyring(settings).digest("acme", b"ada")
    assert keyring.digest("acme", b"ada") != keyring.digest("globex", b"ada")
    assert len(bytes.fromhex(keyring.digest("acme", b"ada"))) == 32


def test_a_key_that_exists_is_never_made_anew(keyring, settings):
    sealed = keyring.seal("acme", "user/1", "e", "f", b"x")
    keyring._create("acme", ["user/1"])
    assert Keyring(settings).unseal("acme", sealed) == b"x"


def _seal_some(settings, answers):
    ring = Keyring(settings)
    sealed = [ring.seal("acme", f"value/{n}", "e", "f", b"x").ciphertext for n in range(20)]
    answers.put((ring.digest("acme", b"x"), *sealed))


def test_processes_that_start_at_once_agree_on_every_key(settings):
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])  # what they import is imported once
    answers = server.Queue()
    processes = [server.Process(target=_seal_some, args=(settings, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    assert len({answers.get(timeout=60) for _ in processes}) == 1
    for process in processes:
        process.join()


def test_the_master_key_file_is_private(keyring, settings):
    assert settings.master_key_path.stat().st_mode & 0o777 == 0o600
    assert settings.keyring_path.stat().st_mode & 0o777 == 0o600


def test_a_master_key_that_others_can_read_is_refused(keyring, settings):
    settings.master_key_path.chmod(0o640)
    with pytest.raises(BadSetting, match=r"chmod 600 .*master\.key"):
        Keyring(settings)


def test_another_master_key_is_refused_at_once(keyring, settings, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    with pytest.raises(BadSetting, match="not the one that"):
        Keyring(settings)


def test_a_lost_master_key_is_not_replaced(keyring, settings):
    settings.master_key_path.unlink()
    with pytest.raises(BadSetting, match="master key is missing"):
        Keyring(settings)


@pytest.mark.parametrize("text", ["short", "c2hvcnQ=", "ä"])
def test_a_master_key_of_another_form_is_refused(settings, monkeypatch, text):
    monkeypatch.setenv("PLAYHEAD_MASTER_KEY", text)
    with pytest.raises(BadSetting, match="PLAYHEAD_MASTER_KEY holds no master key"):
        Keyring(settings)


def test_a_master_key_in_the_environment_needs_no_file(settings, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    sealed = Keyring(settings).seal("acme", "user/1", "e", "f", b"x")
    assert Keyring(settings).unseal("acme", sealed) == b"x"
    assert not settings.master_key_path.exists()


async def test_it_answers_seal_unseal_and_digest_in_order(keyring):
    handlers = keyring.handlers()
    items = tuple(
        SealItem(key=f"value/{n}", event="e", field="f", value=b"%d" % n) for n in range(9)
    )
    sealed = await handlers[Seal](Seal(values=items), CALL)
    opened = await handlers[Unseal](Unseal(values=sealed.values), CALL)
    assert opened.values == tuple(item.value for item in items)
    digested = await handlers[Digest](Digest(values=(b"a", b"b")), CALL)
    assert digested.digests == (keyring.digest("acme", b"a"), keyring.digest("acme", b"b"))


async def test_a_large_value_travels_by_claim(tmp_path):
    keyring = Keyring(Settings(run=tmp_path, claim_bytes=100))
    handlers = keyring.handlers()
    items = tuple(SealItem(key="document/1", event="e", field=f, value=b"x" * 500) for f in "ab")
    sealed = await handlers[Seal](Seal(values=items), CALL)
    assert all(one.ciphertext == b"" and one.claim for one in sealed.values)
    opened = await handlers[Unseal](Unseal(values=sealed.values), CALL)
    assert opened.values == (b"x" * 500, b"x" * 500)


def test_a_claim_that_is_missing_or_changed_is_named(tmp_path):
    keyring = Keyring(Settings(run=tmp_path, claim_bytes=100))
    sealed = keyring.seal("acme", "document/1", "e", "f", b"x" * 500)
    path = tmp_path / "claims" / sealed.claim
    claimed = path.read_bytes()
    path.write_bytes(claimed[:-1] + bytes([claimed[-1] ^ 1]))
    with pytest.raises(Permanent, match=f"claim {sealed.claim} was changed"):
        keyring.unseal("acme", sealed)
    path.unlink()
    with pytest.raises(Permanent, match=f"claim {sealed.claim} is not in"):
        keyring.unseal("acme", sealed)


def test_a_claim_can_not_lead_out_of_its_folder(keyring):
    keyring.seal("acme", "document/1", "e", "f", b"")
    outside = Sealed(key="document/1", event="e", field="f", ciphertext=b"", claim="../master.key")
    with pytest.raises(Permanent, match="64 hexadecimal digits"):
        keyring.unseal("acme", outside)
