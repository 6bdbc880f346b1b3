"""The upload store: parts by any writer, in order, sealed, and gone in the end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent
from connectors.bucket_objects import BucketObjects
from connectors.keyring import Keyring
from connectors.object_store import FolderObjects
from edge.uploading import upload_store
from edge.uploading.upload_store import (
    UploadBegun,
    UploadNote,
    UploadStore,
    ends_s_of,
    new_id,
)
from streams.settings import Settings
from tests.fake_s3 import FakeS3

NOTE = UploadNote(length=6, uri="u", media_type="text/plain", title="Jane")
ID = new_id(2_000_000_000)


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with FakeS3(buckets={"b": {}}) as server:
        yield server


@pytest.fixture
def keyring(tmp_path):
    return Keyring(Settings(run=tmp_path))


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path, keyring, s3):
    if request.param == "folder":
        return UploadStore(FolderObjects(tmp_path / "uploads"), keyring)
    return UploadStore(BucketObjects("s3://b/uploads", endpoint=s3.url), keyring)


def begun(store, upload=ID, tenant="acme", subject="jane", note=NOTE):
    assert store.begin(tenant, subject, upload, note)
    return store.find(tenant, subject, upload)


def test_parts_are_listed_and_put_together_in_order(store):
    upload = begun(store)
    assert upload.note == NOTE
    assert store.parts(upload) == []
    for offset, content in ((0, b"abc"), (3, b"d"), (4, b"ef")):
        store.append(upload, offset, content)
    assert [(one.offset, one.size) for one in store.parts(upload)] == [(0, 3), (3, 1), (4, 2)]
    assert store.content(upload) == b"abcdef"


def test_where_a_part_lies_no_other_is_put(store):
    upload = begun(store)
    store.append(upload, 0, b"abc")
    with pytest.raises(UploadBegun):
        store.append(upload, 0, b"xyz")
    assert [(one.offset, one.size) for one in store.parts(upload)] == [(0, 3)]


def test_a_part_behind_a_gap_does_not_count(store):
    upload = begun(store)
    store.append(upload, 3, b"def")
    assert store.parts(upload) == []
    with pytest.raises(Permanent, match="0 bytes of upload"):
        store.content(upload)


def test_an_id_is_begun_once(store):
    begun(store)
    assert not store.begin("acme", "jane", ID, NOTE)


@pytest.mark.parametrize(("tenant", "subject"), [("globex", "jane"), ("acme", "joe")])
def test_nobody_else_finds_it(store, tenant, subject):
    begun(store)
    assert store.find(tenant, subject, ID) is None


def test_what_lies_at_another_s_place_is_not_opened(tmp_path, keyring):
    """Who can write in the store can't make one's upload another's."""
    store = UploadStore(FolderObjects(tmp_path / "u"), keyring)
    begun(store)
    begun(store, subject="joe", upload=new_id(1_999_999_999))
    [mine] = (tmp_path / "u").glob(f"open/acme/jane/{ID}/upload")
    place = tmp_path / "u" / "open" / "acme" / "joe" / ID
    place.mkdir()
    (place / "upload").write_bytes(mine.read_bytes())
    with pytest.raises(Permanent):
        store.find("acme", "joe", ID)


def test_parts_of_two_uploads_or_places_can_t_be_exchanged(tmp_path, keyring):
    store = UploadStore(FolderObjects(tmp_path / "u"), keyring)
    upload = begun(store)
    store.append(upload, 0, b"abc")
    store.append(upload, 3, b"def")
    first, second = sorted((tmp_path / "u").rglob("0000*"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(Permanent, match="was changed"):
        store.content(upload)


def test_nothing_is_opened_without_the_user_s_key(store, keyring):
    begun(store)
    keyring.destroy("acme", "user/jane")
    with pytest.raises(KeyDestroyed):
        store.find("acme", "jane", ID)


def test_an_end_is_noted_before_parts_go_and_nobody_writes_on(store):
    upload = begun(store)
    store.append(upload, 0, b"abcdef")
    store.finish(upload, "d-1", "r-1")
    done = store.find("acme", "jane", ID)
    assert (done.is_done, done.stored.document, done.stored.request) == (True, "d-1", "r-1")
    assert store.parts(upload) == []
    with pytest.raises(UploadBegun):
        store.append(upload, 0, b"xyz")
    assert store.parts(upload) == []


def test_what_was_dropped_is_not_found_and_nobody_writes_on(store):
    upload = begun(store)
    store.append(upload, 0, b"abc")
    store.drop(upload)
    assert store.find("acme", "jane", ID) is None
    with pytest.raises(UploadBegun):
        store.append(upload, 3, b"def")


def test_a_crash_between_the_note_of_an_end_and_the_parts_leaves_it_done(store, monkeypatch):
    upload = begun(store)
    store.append(upload, 0, b"abcdef")
    monkeypatch.setattr(store, "_delete_parts", lambda _: None)
    store.finish(upload, "d-1", "r-1")
    assert store.find("acme", "jane", ID).is_done
    assert store.sweep(ends_s_of(ID) + upload_store.SWEPT_AFTER_S) == 2


def test_what_has_ended_is_swept_and_nothing_else(store):
    early, late = new_id(1_000), new_id(2_000)
    for upload in (early, late):
        store.append(begun(store, upload), 0, b"abc")
    done = begun(store, new_id(1_000))
    store.finish(done, "d", "r")
    assert store.sweep(1_000 + upload_store.SWEPT_AFTER_S - 1) == 0
    assert store.sweep(1_000 + upload_store.SWEPT_AFTER_S) == 2
    assert store.find("acme", "jane", early) is None
    assert store.find("acme", "jane", done.id) is None
    assert store.find("acme", "jane", late).note == NOTE


def test_open_ones_are_counted_by_user_within_their_tenant(store):
    for subject, upload in (("jane", new_id(10)), ("jane", new_id(30)), ("joe", new_id(30))):
        begun(store, upload, subject=subject)
    begun(store, new_id(30), tenant="globex")
    store.finish(begun(store, new_id(30)), "d", "r")
    assert store.open_of("acme", 20) == {"jane": 1, "joe": 1}


def test_an_upload_is_named_by_its_token_open_or_done(store):
    token = "a" * 48
    first, second = new_id(10, token), new_id(20, token)
    assert store.named("acme", "jane", token) == ""
    store.finish(begun(store, first), "d", "r")
    assert store.named("acme", "jane", token) == first
    begun(store, second)
    assert store.named("acme", "jane", token) == second
    assert store.named("acme", "joe", token) == ""


@given(st.integers(min_value=0, max_value=16**10 - 1))
def test_an_id_says_when_it_ends_and_no_two_are_equal(ends_s):
    assert ends_s_of(new_id(ends_s)) == ends_s
    assert re.fullmatch(upload_store.UPLOAD_ID, new_id(ends_s))
    assert new_id(ends_s) != new_id(ends_s)
