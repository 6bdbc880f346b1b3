"""A keyring that is only read gives what was sealed, makes nothing and writes nothing."""

import shutil
from pathlib import Path

import pytest

from agents.errors import BeyondMeans, KeyDestroyed, Permanent
from connectors.claims import Claims
from connectors.keyring import Keyring
from connectors.keyring.at_rest import ClaimsAtRest, KeyringAtRest, NoKeyring, keyring_at_rest
from connectors.object_store import FolderObjects
from schemas import Digest, Seal, SealItem, Unseal
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=0)
LARGE = b"x" * 2_000_000


@pytest.fixture
async def settings(tmp_path):
    """Settings of a run folder whose keyring sealed something and was closed."""
    settings = Settings(run=tmp_path / "run")
    keyring = Keyring(settings)
    keyring.digest_key("acme")
    keyring.seal("acme", "user/u", "e", "text", b"hello")
    await keyring.close()
    return settings


def listing(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


async def test_it_gives_what_the_live_one_gives_and_leaves_no_trace(settings):
    live = Keyring(settings)
    key, sealed = live.digest_key("acme"), live.seal("acme", "user/u", "e", "text", b"hello")
    await live.close()
    before = listing(settings.run)
    rest = KeyringAtRest(settings)
    assert rest.digest_key("acme") == key
    assert rest.seal("acme", "user/u", "e", "text", b"hello") == sealed
    assert rest.unseal("acme", sealed) == b"hello"
    assert (await rest.handlers()[Digest](Digest(values=(b"v",)), CALL)).digests
    await rest.close()
    assert listing(settings.run) == before


async def test_it_reads_beside_a_live_one(settings):
    live = Keyring(settings)
    live.seal("acme", "user/new", "e", "text", b"x")
    assert KeyringAtRest(settings).seal("acme", "user/new", "e", "text", b"x")
    await live.close()


async def test_a_key_that_is_not_there_is_not_made(settings):
    rest = KeyringAtRest(settings)
    before = listing(settings.run)
    for ask in (
        lambda: rest.seal("acme", "user/other", "e", "text", b"x"),
        lambda: rest.digest_key("other"),
    ):
        with pytest.raises(BeyondMeans, match=r"no key .* bring the key store"):
            ask()
    many = Seal(
        values=tuple(SealItem(key=f"user/{n}", event="e", field="f", value=b"") for n in range(3))
    )
    with pytest.raises(BeyondMeans):
        await rest.handlers()[Seal](many, CALL)
    assert listing(settings.run) == before


async def test_a_destroyed_key_is_known_as_such(settings):
    live = Keyring(settings)
    sealed = live.seal("acme", "user/u", "e", "text", b"hello")
    live.destroy("acme", "user/u")
    await live.close()
    with pytest.raises(KeyDestroyed):
        KeyringAtRest(settings).unseal("acme", sealed)


def claims_folder(settings):
    return Path(settings.claims_place)


async def test_a_claim_is_named_without_being_written_and_a_missing_one_is_beyond_means(settings):
    rest = KeyringAtRest(settings)
    sealed = rest.seal("acme", "user/u", "e", "text", LARGE)
    assert sealed.claim
    with pytest.raises(BeyondMeans, match="is not in"):
        rest.unseal("acme", sealed)
    assert not claims_folder(settings).exists()
    live = Keyring(settings)
    assert live.seal("acme", "user/u", "e", "text", LARGE) == sealed
    await live.close()
    assert rest.unseal("acme", sealed) == LARGE
    (claims_folder(settings) / sealed.claim).write_bytes(b"other")
    with pytest.raises(Permanent, match="was changed") as told:
        rest.unseal("acme", sealed)
    assert not isinstance(told.value, BeyondMeans)


@pytest.mark.parametrize("broken", ["missing", "empty", "no store", "other master", "no master"])
async def test_without_a_store_that_can_be_read_nothing_with_a_key_is_answered(settings, broken):
    path = settings.keyring_path
    match broken:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "no store":
            path.write_bytes(b"no database at all")
        case "other master":
            other = Settings(run=settings.run.parent / "other")
            await Keyring(other).close()
            shutil.copy(other.master_key_path, settings.master_key_path)
        case "no master":
            settings.master_key_path.unlink()
    before = listing(settings.run)
    keyring = keyring_at_rest(settings)
    assert isinstance(keyring, NoKeyring)
    with pytest.raises(BeyondMeans):
        keyring.digest_key("acme")
    with pytest.raises(BeyondMeans):
        await keyring.handlers()[Unseal](Unseal(values=()), CALL)
    assert listing(settings.run) == before


def test_a_body_that_was_deleted_on_time_is_erased_and_nothing_that_this_machine_lacks(tmp_path):
    lying = FolderObjects(tmp_path)
    claims = ClaimsAtRest(lying, "here")
    name = Claims(lying, "here").put(b"a body")
    Claims(lying, "here").expire(name, "31 days old")
    with pytest.raises(KeyDestroyed, match="31 days old"):
        claims.get(name)


def test_a_store_that_can_not_be_reached_is_beyond_means_and_no_fault_of_the_log(tmp_path):
    name = Claims(FolderObjects(tmp_path), "here").put(b"a body")
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(BeyondMeans, match="can't read"):
        ClaimsAtRest(FolderObjects(tmp_path), "here").get(name)
