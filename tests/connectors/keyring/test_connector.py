"""The keyring: sealing, erasing, and what the store does under several processes."""

import base64
import multiprocessing
import os
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.keyring import Keyring
from connectors.keyring.connector import LOOP_BYTES_MAX
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


def test_another_process_forgets_a_destroyed_key(keyring, settings):
    other = Keyring(settings, fresh_s=0)
    sealed = keyring.seal("acme", "user/1", "e", "text", b"hello")
    assert other.unseal("acme", sealed) == b"hello"
    keyring.destroy("acme", "user/1")
    with pytest.raises(KeyDestroyed):
        other.unseal("acme", sealed)


def test_the_wrapped_key_leaves_the_files_when_it_is_destroyed(keyring, settings):
    keyring.seal("acme", "user/1", "e", "text", b"hello")
    with closing(sqlite3.connect(settings.keyring_path)) as store:
        [(wrapped,)] = store.execute("SELECT wrapped FROM keys").fetchall()

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
    keyring.prepare("acme", ["user/1", "user/2"])
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


async def test_a_closed_keyring_answers_nothing_and_says_so(keyring):
    sealed = keyring.seal("acme", "user/1", "e", "f", b"x")
    await keyring.close()
    with pytest.raises(Transient, match="does not answer"):
        keyring.unseal("acme", sealed)


@pytest.mark.parametrize("size", [10, LOOP_BYTES_MAX, LOOP_BYTES_MAX + 1])
async def test_large_values_leave_the_loop_with_the_same_result(keyring, size):
    handlers = keyring.handlers()
    item = SealItem(key="document/1", event="e", field="f", value=b"x" * size)
    for _ in range(2):  # the key is new, then known
        [sealed] = (await handlers[Seal](Seal(values=(item,)), CALL)).values
        assert sealed == keyring.seal("acme", "document/1", "e", "f", item.value)
        [opened] = (await handlers[Unseal](Unseal(values=(sealed,)), CALL)).values
        assert opened == item.value


async def test_requests_without_values_have_empty_answers(keyring):
    handlers = keyring.handlers()
    assert (await handlers[Seal](Seal(values=()), CALL)).values == ()
    assert (await handlers[Unseal](Unseal(values=()), CALL)).values == ()
    assert (await handlers[Digest](Digest(values=()), CALL)).digests == ()


async def test_one_value_of_many_that_does_not_open_fails_the_request(keyring):
    handlers = keyring.handlers()
    good = keyring.seal("acme", "user/1", "e", "f", b"x")
    with pytest.raises(Permanent, match="does not open"):
        await handlers[Unseal](Unseal(values=(good, replace(good, event="other"))), CALL)


async def test_a_tenant_speaks_for_itself_alone(keyring):
    handlers = keyring.handlers()
    item = SealItem(key="user/1", event="e", field="f", value=b"x")
    sealed = (await handlers[Seal](Seal(values=(item,)), CALL)).values
    other = Call(tenant="globex", lane=0, request="r", session="s", event="e", topic="t", offset=0)
    with pytest.raises(Permanent, match="no key user/1 of tenant globex"):
        await handlers[Unseal](Unseal(values=sealed), other)
