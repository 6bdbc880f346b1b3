"""Objects, in a folder and in a bucket: the same cases over both."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agents.errors import Transient
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
