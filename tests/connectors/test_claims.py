"""The claim store: named by content, whole or not there, and clear about what is wrong."""

import hashlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.bucket_objects import BucketObjects
from connectors.claims import Claims, claims_at
from connectors.keyring import Keyring
from connectors.object_store import FolderObjects
from streams.settings import Settings
from tests.fake_s3 import FakeS3

LARGE = b"x" * 400_000


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, FakeS3() as server:
        patch.setenv("AWS_ACCESS_KEY_ID", "id")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield server


@pytest.fixture
def s3(server):
    vars(server).update(vars(FakeS3({"b": {"other/x": b"not ours"}})))
    return server


class HeldClaims(Claims):
    """A claim store, and what a test does to it from outside."""

    def __init__(self, objects, place):
        super().__init__(objects, place)
        self.objects = objects


@pytest.fixture(params=["folder", "bucket"])
def claims(request, tmp_path, s3):
    if request.param == "folder":
        return HeldClaims(FolderObjects(tmp_path / "claims"), str(tmp_path / "claims"))
    return HeldClaims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "claims"


@pytest.fixture
def in_folder(folder):
    return Claims(FolderObjects(folder), str(folder))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.binary(max_size=2_000))
def test_content_comes_back_by_the_name_of_its_digest(claims, content):
    name = claims.put(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert claims.get(name) == content
    assert claims.put(content) == name


def test_equal_content_is_one_file_of_its_owner(in_folder, folder):
    names = {in_folder.put(b"the same") for _ in range(3)}
    [path] = folder.iterdir()
    assert {path.name} == names
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_equal_content_is_sent_to_a_bucket_once(s3):
    claims = Claims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")
    names = {claims.put(b"the same") for _ in range(3)}
    assert s3.buckets["b"] == {"other/x": b"not ours", f"claims/{names.pop()}": b"the same"}
    assert len([asked for asked in s3.asked if asked.startswith("PUT")]) == 1


def test_an_object_that_a_crash_cut_is_written_again(claims):
    name = claims.put(b"all of it")
    claims.objects.put(name, b"all")
    assert claims.put(b"all of it") == name
    assert claims.get(name) == b"all of it"


@pytest.mark.parametrize(
    "name", ["", "../master.key", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "a" * 63 + "/"]
)
def test_no_name_leads_out_of_the_store(in_folder, name):
    for ask in (in_folder.get, lambda name: in_folder.expire(name, "why")):
        with pytest.raises(Permanent, match="64 hexadecimal digits"):
            ask(name)


def test_a_claim_that_is_missing_says_what_to_bring(claims):
    with pytest.raises(Permanent, match=rf"is not in {re.escape(claims.place)}: bring"):
        claims.get("a" * 64)


def test_a_claim_that_was_changed_says_what_to_restore(claims):
    name = claims.put(b"content")
    claims.objects.put(name, b"forged!")
    with pytest.raises(Permanent, match=f"claim {name} was changed: restore {claims.place}/"):
        claims.get(name)


def test_a_folder_that_can_not_be_used_is_worth_another_try(folder, in_folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(Transient, match=r"can't write .*make room or give access"):
        in_folder.put(b"x")


def test_a_claim_that_can_not_be_read_is_worth_another_try(folder, in_folder):
    name = "a" * 64
    (folder / name).mkdir(parents=True)
    with pytest.raises(Transient, match="can't read"):
        in_folder.get(name)


@pytest.mark.parametrize("status", [403, 500, 503])
@pytest.mark.parametrize("lying", [True, False])
def test_a_bucket_that_refuses_is_worth_another_try_and_no_absence(s3, status, lying):
    claims = Claims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")
    name = claims.put(b"a body") if lying else hashlib.sha256(b"a body").hexdigest()
    s3.before = lambda *_: status
    asks = (claims.get, claims.expired, lambda name: claims.expire(name, "why"))
    for ask in (*asks, lambda _: claims.put(b"a body")):
        with pytest.raises(Transient, match="in bucket b"):
            ask(name)
    s3.before = lambda *_: None
    if lying:
        assert claims.get(name) == b"a body"


@pytest.mark.parametrize("refused", ["get", "expired"])
def test_what_was_deleted_is_not_said_to_be_missing_where_the_word_can_not_be_read(s3, refused):
    claims = Claims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")
    name = claims.put(b"a body")
    claims.expire(name, "31 days old")
    s3.before = lambda _, key: 500 if key.endswith(".expired") else None
    with pytest.raises(Transient):
        getattr(claims, refused)(name)


def test_a_body_that_is_cut_on_its_way_is_read_again(s3):
    claims = Claims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")
    name, cuts = claims.put(b"a body"), [3, 0, None]
    s3.cut = lambda _: cuts.pop(0)
    assert claims.get(name) == b"a body"
    s3.cut = lambda _: 5
    with pytest.raises(Transient, match="can't read"):
        claims.get(name)


def test_what_was_deleted_on_time_is_gone_for_good_and_says_why(claims):
    name = claims.put(b"a body")
    assert claims.expire(name, "31 days old")
    with pytest.raises(KeyDestroyed, match=f"{name} was deleted: 31 days old"):
        claims.get(name)
    assert not claims.expire(name, "again")
    assert claims.expired(name) == "31 days old"
    assert claims.objects.sizes("") == {f"{name}.expired": 11}
    assert not claims.expire("a" * 64, "never there")


def test_a_body_whose_deletion_was_cut_off_is_deleted_by_the_next(claims):
    name = claims.put(b"a body")
    claims.objects.put(f"{name}.expired", b"31 days old")
    assert claims.get(name) == b"a body"
    assert claims.expire(name, "32 days old")
    assert claims.expired(name) == "31 days old"


@pytest.mark.parametrize("fails", [0, 1])
def test_a_bucket_that_keeps_versions_keeps_none_of_what_was_deleted(s3, fails):
    """Not even where a crash came between the deletion and that of the versions."""
    s3.versions = {"b": []}
    claims = Claims(BucketObjects("s3://b/claims", endpoint=s3.url), "s3://b/claims")
    name = claims.put(b"a body")
    deletions = []
    s3.before = lambda method, _: (
        403 if method == "DELETE" and (deletions.append(1), len(deletions) == 2)[1] else None
    )
    if fails:
        with pytest.raises(Transient):
            claims.expire(name, "31 days old")
    s3.before = lambda *_: None
    assert claims.expire(name, "31 days old") is not bool(fails)
    assert s3.versions["b"] == []
    with pytest.raises(KeyDestroyed):
        claims.get(name)


async def test_large_values_travel_by_a_bucket_and_open_for_their_tenant_alone(s3, tmp_path):
    both = Settings(run=tmp_path, claims="s3://b/claims", s3_endpoint=s3.url)
    gateway = Keyring(both)
    sealed = gateway.seal("acme", "user/u", "e", "content", LARGE)
    gateway.seal("other", "user/u", "e", "content", b"small")
    await gateway.close()
    assert sealed.claim
    assert not (tmp_path / "claims").exists()
    assert LARGE not in s3.buckets["b"][f"claims/{sealed.claim}"]
    worker = Keyring(both)
    assert worker.unseal("acme", sealed) == LARGE
    with pytest.raises(Permanent, match="does not open with user/u of tenant other"):
        worker.unseal("other", sealed)
    await worker.close()


@pytest.mark.parametrize(("place", "told"), [("s3://b/c", "s3://b/c"), ("", "{run}/claims")])
def test_the_settings_say_where_it_is(tmp_path, place, told):
    assert claims_at(Settings(run=tmp_path, claims=place)).place == told.format(run=tmp_path)
