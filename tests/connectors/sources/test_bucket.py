"""A bucket as a source, through botocore, from a server that speaks S3."""

from __future__ import annotations

import pytest

from connectors.sources.bucket import BucketSource
from connectors.sources.findings import (
    FoundDocument,
    GoneMeanwhile,
    LeftOut,
    SourceAway,
    UnreadDocument,
)
from connectors.sources.name_patterns import NamePatterns
from tests.fake_s3 import FakeS3

OBJECTS = {
    "public/a.md": b"# A",
    "public/b c+\xe9&<.md": b"b",
    "public/x//y.md": b"y",
    "public/./dot.txt": b"dot",
    "public/folder/": b"",
    "public/film.mp4": b"film",
    "public/large.md": b"x" * 1_001,
    "private/c.md": b"c",
}


@pytest.fixture
def s3():
    with FakeS3({"docs": dict(OBJECTS)}) as fake:
        yield fake


def a_source(s3, prefix="public/", bucket="docs", **given):
    keys = {} if given.get("anonymous") else {"access_key": "AK", "secret_key": "SK"}
    patterns = NamePatterns(given.pop("include", ""), given.pop("exclude", ""))
    return BucketSource(bucket, prefix, patterns, 1_000, endpoint=s3.url, **keys, **given)


def by_key(findings):
    return {one.uri.removeprefix("s3://docs/"): one for one in findings if one.uri}


def test_objects_of_any_key_are_listed_page_by_page(s3):
    source = a_source(s3)
    findings = by_key(source.found(None, ""))
    assert set(findings) == {
        "public/a.md",
        "public/b c+\xe9&<.md",
        "public/x//y.md",
        "public/./dot.txt",
        "public/large.md",
    }
    assert "has 1001 bytes" in findings.pop("public/large.md").reason
    contents = {key: one.read().content for key, one in findings.items()}
    assert contents == {key: OBJECTS[key] for key in findings}
    assert len([path for path in s3.asked if "list-type" in path]) == 3
    assert all("AK/" in signature for signature in s3.signed)
    assert source.incomplete == ""


def test_what_can_not_be_read_by_its_name_is_told(s3):
    [left] = [
        one for one in a_source(s3).found(None, "") if isinstance(one, LeftOut) and not one.uri
    ]
    assert left.name == "s3://docs/public/film.mp4"
    assert left.reason == ".mp4 files can't be read"


def test_names_are_wanted_by_patterns(s3):
    source = a_source(s3, "", include="*.md", exclude="private/*,*large*")
    assert len(list(source.found(None, ""))) == 3


@pytest.mark.parametrize("etags", [True, False])
def test_a_version_has_the_marker_of_the_listing_or_of_what_was_read(s3, etags):
    s3.etags = etags
    found = by_key(a_source(s3).found(None, ""))["public/a.md"]
    assert found.marker
    assert found.read().marker == found.marker
    s3.buckets["docs"]["public/a.md"] = b"# another"
    again = by_key(a_source(s3).found(None, ""))["public/a.md"]
    assert found.read().marker == again.marker != found.marker


def test_an_object_that_goes_or_grows_while_the_bucket_is_listed_is_what_it_is_then(s3):
    listing = a_source(s3).found(None, "")
    first = [next(listing) for _ in range(2)]
    for key in list(s3.buckets["docs"]):
        if key != "public/large.md":
            del s3.buckets["docs"][key]
    s3.buckets["docs"][first[0].uri.removeprefix("s3://docs/")] = b"y" * 1_001
    with pytest.raises(UnreadDocument, match="has 1001 bytes, the limit is 1000"):
        first[0].read()
    with pytest.raises(GoneMeanwhile):
        first[1].read()
    assert [type(one) for one in list(listing)][-1] is LeftOut


def test_a_listing_that_breaks_off_is_incomplete_and_what_was_listed_stands(s3):
    s3.before_page = lambda number: 403 if number > 1 else None
    source = a_source(s3)
    findings = list(source.found(None, ""))
    assert 0 < len([one for one in findings if isinstance(one, FoundDocument)]) <= 3
    assert "the listing broke off" in source.incomplete
    assert "AccessDenied" in source.incomplete


def test_a_server_that_stumbles_is_asked_again(s3):
    s3.before_page = lambda number: 503 if number == 2 else None
    source = a_source(s3)
    assert len(by_key(source.found(None, ""))) == 5
    assert source.incomplete == ""


@pytest.mark.parametrize(("bucket", "said"), [("none", "NoSuchBucket"), ("docs", "AccessDenied")])
def test_a_bucket_that_can_not_be_listed_is_away(s3, bucket, said):
    s3.before_page = lambda _number: 403
    with pytest.raises(SourceAway, match=f"bucket {bucket} can't be listed: .*{said}"):
        list(a_source(s3, bucket=bucket).found(None, ""))


def test_a_public_bucket_is_asked_without_a_signature(s3):
    assert by_key(a_source(s3, anonymous=True).found(None, ""))
    assert set(s3.signed) == {""}


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_an_object_that_is_cut_on_its_way_is_none(s3, cut):
    found = by_key(a_source(s3).found(None, ""))["public/a.md"]
    s3.cut = lambda _: cut
    with pytest.raises(UnreadDocument, match=f"{cut} bytes came of 3"):
        found.read()
