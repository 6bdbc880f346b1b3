"""How places that hold files are spelt."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.storage_places import FOLDER, FOLDER_OR_BUCKET, is_address

FOLDERS = ["", "x", "/x", "./s3:/x", "./http:/x", "~/x", "a b", "2026-11-29T18:35", "logs:old", "x:", "s3",
           "s3/bucket", "C", ":/x", "../x", "/mnt/s3://x"]  # fmt: skip
BUCKETS = [
    "s3://backups",
    "s3://backups/",
    "s3://my.bucket-1/a/b c",
    "s3://my_bucket/x/",
    "s3://abc/.x/..y",
]
NEITHER = ["s3:/x", "s3:x", "S3://backups", "s3://", "s3:///x", "s3://b", "s3://backups/../x", "s3://backups//x",
           "s3://backups/./", "s3a://backups/x", "gs://backups/x", "gs:x", "http:/x", "http:x", "HTTPS:x",
           "https://host/x", "file:///x", "file:x", "other:/x", "x-y.z+1://host", "  s3:/x", "\ns3://backups"]  # fmt: skip


@pytest.mark.parametrize("place", FOLDERS)
def test_a_folder_is_a_folder(place):
    assert not is_address(place)
    assert re.search(FOLDER, place)
    assert re.search(FOLDER_OR_BUCKET, place)


@pytest.mark.parametrize("place", BUCKETS)
def test_a_bucket_is_an_address(place):
    assert is_address(place)
    assert not re.search(FOLDER, place)
    assert re.search(FOLDER_OR_BUCKET, place)


@pytest.mark.parametrize("place", NEITHER)
def test_what_is_neither_is_no_folder_either(place):
    assert is_address(place)
    assert not re.search(FOLDER, place)
    assert not re.search(FOLDER_OR_BUCKET, place)


@given(st.text(alphabet="s3h:/.ab \n", max_size=12))
@example("s3://abc\n")
def test_every_word_is_a_folder_or_an_address(place):
    assert bool(re.search(FOLDER, place)) != is_address(place)
    assert is_address(f" {place}") == is_address(place)
    assert not is_address(f"./{place}")
