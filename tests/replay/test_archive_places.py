"""Where an archive lies, from the words of a command line."""

from pathlib import Path

import click
import pytest

from replay.archive_places import (
    ArchiveParameter,
    BucketPlace,
    absolute,
    archive_place,
    bucket_place,
)


@pytest.mark.parametrize(
    ("spelt", "place"),
    [
        ("s3://backups", "s3://backups"),
        ("s3://backups/", "s3://backups"),
        ("s3://backups/a/b c/", "s3://backups/a/b c"),
        ("s3://my.bucket-1/x", "s3://my.bucket-1/x"),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(spelt, place):
    assert bucket_place(spelt) == place
    assert archive_place(place) == place
    assert absolute(bucket_place(spelt)) == place


@pytest.mark.parametrize(
    "spelt",
    ["s3://", "s3:///x", "s3://UPPER/x", "s3://b/x", "s3://../x", "s3://ok-b/../x", "s3://ok-b/a//b",
     "s3://ok-b/./x", "s3://user@host/x"],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_none(spelt):
    with pytest.raises(ValueError, match="s3://"):
        bucket_place(spelt)
    with pytest.raises(click.BadParameter, match="s3://"):
        ArchiveParameter().convert(spelt, None, None)


@pytest.mark.parametrize(
    "spelt", ["s3:/backups/x", "s3:backups", "S3://backups/x", "s3a://backups", " s3://backups",
              "http:/x", "https://host/x", "file:///x", "gs:x"],
)  # fmt: skip
@pytest.mark.parametrize("exists", [True, False])
def test_what_looks_like_an_address_is_never_taken_for_a_folder(
    spelt, exists, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path(spelt).mkdir(parents=True)
    with pytest.raises(click.BadParameter, match="it must be s3://bucket/prefix, or a folder"):
        ArchiveParameter(exists=exists).convert(spelt, None, None)
    by_path = ArchiveParameter(exists=exists).convert(f"./{spelt}", None, None)
    assert str(by_path) == str(Path(spelt))


def test_a_folder_must_be_there_unless_it_is_to_be_made(tmp_path):
    there, new = ArchiveParameter(), ArchiveParameter(exists=False)
    assert there.convert(str(tmp_path), None, None) == tmp_path
    assert new.convert(str(tmp_path / "new"), None, None) == tmp_path / "new"
    with pytest.raises(click.BadParameter, match="does not exist"):
        there.convert(str(tmp_path / "new"), None, None)
    (tmp_path / "file").write_text("")
    with pytest.raises(click.BadParameter, match="is a file"):
        new.convert(str(tmp_path / "file"), None, None)


def test_a_folder_is_spelt_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute(Path("x")) == str(tmp_path / "x")
    assert archive_place(str(tmp_path)) == tmp_path
    assert isinstance(archive_place("s3://backups/x"), BucketPlace)
