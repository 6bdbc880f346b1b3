"""Objects, in a folder and in a bucket: the same cases over both."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agents.errors import Permanent, Transient
from connectors import object_store
from connectors.bucket_objects import BucketObjects, objects_at
from connectors.object_store import FolderObjects
from streams.settings import Settings
from tests.fake_s3 import FakeS3


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with FakeS3(buckets={"b": {"other/x": b"not ours"}}) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def objects(request, tmp_path, s3):
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    return BucketObjects("s3://b/some/prefix", endpoint=s3.url)


def test_what_was_put_is_there_whole_and_the_last_one_counts(objects):
    assert objects.get("a/b") is None
    assert objects.put("a/b", b"one")
    assert objects.put("a/b", b"two")
    assert objects.get("a/b") == b"two"
    objects.put("empty", b"")
    assert objects.get("empty") == b""


def test_what_must_be_fresh_is_put_where_nothing_lies(objects):
    assert objects.put("a/b", b"one", fresh=True)
    assert not objects.put("a/b", b"two", fresh=True)
    assert objects.get("a/b") == b"one"


def test_of_many_that_put_at_once_one_is_the_first(objects):
    put = []
    threads = [
        threading.Thread(
            target=lambda n=n: put.append((objects.put("a", b"%d" % n, fresh=True), n))
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [n for was_first, n in put if was_first]
    assert objects.get("a") == b"%d" % winner


def test_a_folder_lists_what_lies_directly_in_it(objects):
    for name in ("f/1", "f/22", "f/g/3", "f/g/h/4", "f/i/5", "fg/6", "7"):
        objects.put(name, name.encode())
    assert objects.sizes("f") == {"1": 3, "22": 4}
    assert objects.folders("f") == ["g", "i"]
    assert objects.sizes("none") == {}
    assert objects.folders("none") == []
    assert objects.folders("f/g") == ["h"]


def test_what_is_deleted_is_gone_and_nothing_else(objects):
    for name in ("f/1", "f/2", "f/g/3", "f/g/h/4", "fg/6"):
        objects.put(name, b"x")
    objects.delete("f/1")
    objects.delete("f/none")
    objects.delete_folder("f/g")
    objects.delete_folder("none")
    assert objects.sizes("f") == {"2": 1}
    assert objects.folders("f") == []
    objects.delete_folder("f")
    assert objects.get("f/2") is None
    assert objects.get("fg/6") == b"x"


def test_a_bucket_is_touched_below_its_prefix_alone(s3):
    objects = BucketObjects("s3://b/some/prefix/", endpoint=s3.url)
    objects.put("a", b"x")
    assert s3.buckets["b"] == {"other/x": b"not ours", "some/prefix/a": b"x"}
    objects.delete_folder("")
    assert "other/x" in s3.buckets["b"]


def test_where_nothing_can_be_written_or_read_is_told(tmp_path, s3):
    (tmp_path / "file").write_bytes(b"")
    for objects in (FolderObjects(tmp_path / "file"), BucketObjects("s3://none", endpoint=s3.url)):
        with pytest.raises(Transient, match="can't write "):
            objects.put("a", b"x")
    with pytest.raises(Transient, match="can't list"):
        BucketObjects("s3://none", endpoint=s3.url).sizes("f")


def test_files_are_for_their_owner_alone(tmp_path):
    FolderObjects(tmp_path / "o").put("a/b", b"x")
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "o").rglob("*")]
    assert modes == [0, 0]


def test_a_write_that_broke_off_is_no_object(tmp_path):
    objects = FolderObjects(tmp_path)
    objects.put("f/a", b"x")
    (tmp_path / "f" / ".part-x").write_bytes(b"y")
    assert objects.sizes("f") == {"a": 1}


def test_folders_that_are_empty_go_with_what_is_deleted(tmp_path):
    """Who lists them would look into one for each user that there ever was."""
    objects = FolderObjects(tmp_path / "o")
    for name in ("f/g/h/1", "f/i/2"):
        objects.put(name, b"x")
    objects.delete_folder("f/g/h")
    assert objects.folders("f") == ["i"]
    objects.delete_folder("f/i")
    assert list((tmp_path / "o").iterdir()) == []
    assert tmp_path.exists()


def test_an_object_is_put_though_its_folder_is_deleted_just_then(tmp_path, monkeypatch):
    objects, write, times = FolderObjects(tmp_path), object_store.write_secret, []

    def deleted_once(*given, **more):
        times.append(1)
        if len(times) == 1:
            raise FileNotFoundError(2, "No such file or directory")
        return write(*given, **more)

    monkeypatch.setattr(object_store, "write_secret", deleted_once)
    assert objects.put("f/a", b"x", fresh=True)
    assert objects.get("f/a") == b"x"


@pytest.mark.parametrize(
    ("place", "kind"),
    [("s3://b/p", BucketObjects), ("/tmp/x", FolderObjects), ("x", FolderObjects)],
)
def test_an_address_says_where_objects_lie(place, kind):
    assert isinstance(objects_at(Settings(), place), kind)


def test_uploads_lie_in_the_run_folder_unless_another_place_is_named(tmp_path):
    assert Path(Settings(run=tmp_path).uploads_place) == tmp_path / "uploads"
    assert Settings(uploads="s3://b").uploads_place == "s3://b"


def test_the_size_of_an_object_is_told_and_none_where_there_is_none(objects):
    assert objects.size("a/b") is None
    objects.put("a/b", b"four")
    assert objects.size("a/b") == 4
    assert objects.size("a/b/c") is None


# ---------------------------------------------------------------------- a bucket alone


@pytest.fixture
def bucket(s3):
    return BucketObjects("s3://b/p", endpoint=s3.url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """The client's own waits between tries are not what is tested."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


def test_an_object_is_replaced_where_it_is_what_was_read(bucket):
    assert not bucket.put("a", b"x", replaces='"none"')
    bucket.put("a", b"one")
    content, tag = bucket.get_tagged("a")
    assert (content, bucket.get_tagged("a", 2)[0]) == (b"one", b"on")
    assert bucket.put("a", b"two", replaces=tag)
    assert not bucket.put("a", b"three", replaces=tag)
    assert bucket.get("a") == b"two"


def test_the_server_copies_an_object(bucket, s3):
    bucket.put("a b/+", b"x")
    assert bucket.copy("a b/+", "c/d")
    assert bucket.get("c/d") == b"x"
    assert not bucket.copy("none", "c/e")
    assert not [path for path in s3.asked if path == "PUT /b/p/c/e" and "c/e" in s3.buckets["b"]]


def test_all_names_are_listed_however_deep(bucket):
    names = ["a", "f/1", "f/g/2", "f/g/h/3", "z"]
    for name in reversed(names):
        bucket.put(name, b"")
    assert list(bucket.names()) == names
    assert list(bucket.names("f/g")) == ["f/g/2", "f/g/h/3"]


@pytest.mark.parametrize("name", ["../a", "a/../b", "a/./b", "a//b", "", "/a", "a/.."])
def test_no_name_leads_out_of_the_prefix(bucket, s3, name):
    for ask in (bucket.get, bucket.size, bucket.delete, lambda name: bucket.put(name, b"x")):
        with pytest.raises(Permanent, match="is no name"):
            ask(name)
    assert list(s3.buckets["b"]) == ["other/x"]


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_server_that_refuses_is_away_and_absence_is_not_that(bucket, s3, status):
    bucket.put("a", b"x")
    s3.before = lambda *_: status
    for ask in (bucket.get, bucket.size, bucket.delete, lambda name: bucket.put(name, b"x")):
        with pytest.raises(Transient, match="in bucket b: "):
            ask("a")
    s3.before = lambda *_: None
    s3.before_page = lambda _: status
    with pytest.raises(Transient, match="can't list"):
        list(bucket.names())
    assert bucket.get("a") == b"x"
    assert bucket.get("none") is None


def test_a_body_that_is_cut_is_read_again_and_never_taken_for_whole(bucket, s3):
    bucket.put("a", b"x" * 1_000)
    cuts = [10, 999, None]
    s3.cut = lambda _: cuts.pop(0)
    assert bucket.get("a") == b"x" * 1_000
    cuts[:] = [0, None]
    taken = []
    assert bucket.copy_out("a", lambda: (taken.clear(), taken.append)[1])
    assert b"".join(taken) == b"x" * 1_000
    s3.cut = lambda _: 999
    for ask in (bucket.get, lambda name: bucket.copy_out(name, lambda: taken.append)):
        with pytest.raises(Transient, match="can't read a in bucket b"):
            ask("a")
    assert bucket.get_tagged("a", 5)[0] == b"x" * 5


def test_a_write_whose_answer_was_lost_is_there_and_a_fresh_one_is_refused(bucket, s3):
    """Whoever needs to know whether it was theirs reads what lies there."""
    lost = [500]
    s3.after = lambda *_: lost.pop() if lost else None
    assert not bucket.put("a", b"x", fresh=True)
    assert bucket.get("a") == b"x"


def test_what_is_deleted_leaves_no_version(bucket, s3):
    s3.versions = {"b": []}
    for name in ("a", "a", "a2"):
        bucket.put(name, b"secret " + name.encode())
    bucket.put("a2", b"newer")
    bucket.delete("a")
    assert [key for key, *_ in s3.versions["b"]] == ["p/a2"]


def test_without_credentials_the_words_say_what_to_set(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(Transient, match="no credentials: set AWS_ACCESS_KEY_ID and"):
        bucket.get("a")
