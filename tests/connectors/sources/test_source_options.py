"""What a source may be set up with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.sources.bucket import BucketSource
from connectors.sources.folder import FolderSource
from connectors.sources.resources import ResourceSource
from connectors.sources.secret_references import BadReference, resolved
from connectors.sources.source_kinds import opened
from connectors.sources.source_options import (
    KINDS,
    BadSource,
    checked_location,
    checked_options,
    kind_of,
)
from connectors.sources.sql import SqlSource
from connectors.sources.web import WebSource
from streams.settings import Settings

ROWS = {"key": "id", "table": "t"}


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("handbook", "folder"),
        ("./a:b", "folder"),
        ("/srv/docs", "folder"),
        ("s3://bucket/prefix", "bucket"),
        ("https://acme.test/", "web"),
        ("HTTP://acme.test/", "web"),
        ("postgresql+psycopg://u@h/db", "sql"),
        ("sqlite:///shop.db", "sql"),
        ("duckdb://", "sql"),
        ("dlt:code.py#rows", "dlt"),
    ],
)
def test_a_location_tells_its_kind(location, kind):
    assert kind_of(location) == kind


@pytest.mark.parametrize("location", ["", "x" * 5_000, "mailto:jane@acme.test"])
def test_what_is_no_location_is_told_what_is_one(location):
    with pytest.raises(BadSource, match="s3://BUCKET/PREFIX"):
        kind_of(location)


def test_a_bucket_is_kept_as_its_readers_look_for_it():
    location = "S3://docs/Public/x"
    assert checked_location(kind_of(location), location) == "s3://docs/Public/x"


def test_paths_are_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "code.py").touch()
    assert checked_location("folder", "docs") == str(tmp_path / "docs")
    assert checked_location("sql", "sqlite:///shop.db") == f"sqlite:///{tmp_path}/shop.db"
    assert checked_location("sql", f"sqlite:///{tmp_path}/a.db") == f"sqlite:///{tmp_path}/a.db"
    assert checked_location("sql", "duckdb:///shop.duckdb") == f"duckdb:///{tmp_path}/shop.duckdb"
    assert checked_location("dlt", "dlt:code.py#rows") == f"dlt:{tmp_path}/code.py#rows"
    assert checked_location("sql", "duckdb://") == "duckdb://"


@pytest.mark.parametrize(
    ("kind", "location", "said"),
    [
        ("folder", "none", "there is no folder none"),
        ("bucket", "s3:///x", "write s3://BUCKET/PREFIX"),
        ("bucket", "s3:/docs/x", "write s3://BUCKET/PREFIX"),
        ("bucket", "s3:docs", "write s3://BUCKET/PREFIX"),
        ("web", "https:/acme.test/x", "write https://HOST/PATH"),
        ("web", "http:acme.test", "write https://HOST/PATH"),
        ("bucket", "s3://key:secret@bucket", "must hold no credentials"),
        ("bucket", "s3://key@bucket", "must hold no credentials"),
        ("web", "https://jane:secret@acme.test/", "must hold no credentials"),
        ("sql", "postgresql://u:secret@h/x", "must hold no credentials"),
        ("web", "https://jane:se/secret@acme.test/", "must hold no credentials"),
        ("bucket", "s3://key:se/secret@bucket", "must hold no credentials"),
        ("sql", "postgresql://u:se/secret@h/x", "must hold no credentials"),
        ("sql", "postgresql://u:se?secret@h/x", "must hold no credentials"),
        ("sql", "postgresql://u:1/secret@h/x", "must hold no credentials"),
        ("sql", "postgresql://u@h/x?Password=secret", "must hold no credentials"),
        ("sql", "mysql+pymysql://u@h/x?a=1&passwd=secret", "must hold no credentials"),
        ("sql", "ftp://h/x", "no database is known by ftp"),
        ("dlt", "dlt:none.py#rows", "of a file that is there"),
        ("dlt", "dlt:code.py", "write dlt:FILE.py#FUNCTION"),
        ("dlt", "dlt:code.py#rows()", "write dlt:FILE.py#FUNCTION"),
    ],
)
def test_a_location_that_can_not_be_kept_is_refused(kind, location, said):
    with pytest.raises(BadSource, match=said) as refusal:
        checked_location(kind, location)
    assert "secret" not in str(refusal.value)


def test_a_folder_whose_name_is_no_utf8_is_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with pytest.raises(BadSource, match="no UTF-8"):
        checked_location("folder", str(folder))


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("folder", {"pages": "3"}, "there is no option pages; folder takes include, exclude"),
        ("web", {"pages": "0"}, "option pages: Expected `int` >= 1"),
        ("web", {"pages": "many"}, "option pages: Expected `int`"),
        ("web", {"delay_s": "-1"}, "option delay_s"),
        ("bucket", {"secret_key": "AKIAsecret"}, "env:NAME or file:PATH"),
        ("bucket", {"endpoint": "minio:9000"}, "option endpoint"),
        ("bucket", {"endpoint": "http://key:secret@minio:9000"}, "must hold no credentials"),
        ("web", {"sitemap": "https://jane:secret@acme.test/s.xml"}, "must hold no credentials"),
        ("sql", {"table": "t"}, "option key is missing"),
        ("sql", {"key": "id"}, "name a table or a query"),
        ("sql", {**ROWS, "query": "SELECT 1"}, "name a table or a query"),
        ("sql", {**ROWS, "media_type": "image/x-icon"}, "media_type must be one of"),
        ("sql", {**ROWS, "per": "group", "cursor": "n"}, "can't be read in part"),
        ("sql", {**ROWS, "per": "table"}, "option per"),
        ("sql", {**ROWS, "password": "secret"}, "env:NAME or file:PATH"),
        ("sql", {**ROWS, "arg.x": "1"}, "there is no option arg.x"),
        ("dlt", {"key": "id", "secret.token": "secret"}, "env:NAME or file:PATH"),
        ("folder", {"include": "x" * 70_000}, "more than 65536 characters"),
    ],
)
def test_options_that_can_not_be_are_named(kind, options, said):
    with pytest.raises(BadSource, match=said) as refusal:
        checked_options(kind, options)
    assert "secret" not in str(refusal.value).replace("secret_key", "").replace("secret.", "")


def test_every_kind_is_opened_by_what_stands_on_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "s3cret")
    settings = Settings(run=tmp_path, sources_code=str(tmp_path))
    cases = {
        "folder": (str(tmp_path), {}, FolderSource),
        "bucket": ("s3://b/p", {"access_key": "env:SHOP_PASSWORD"}, BucketSource),
        "web": ("https://acme.test/", {"pages": "5", "delay_s": "0.5"}, WebSource),
        "sql": ("sqlite:///x.db", {**ROWS, "password": "env:SHOP_PASSWORD"}, SqlSource),
        "dlt": (f"dlt:{tmp_path}/c.py#rows", {"key": "id", "arg.x": "1"}, ResourceSource),
    }
    assert set(cases) == set(KINDS)
    for kind, (location, options, expected) in cases.items():
        assert isinstance(opened("name", kind, location, options, settings), expected)


def test_credentials_are_read_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "t")
    (tmp_path / "token").write_text("from a file\n")
    assert resolved("password", "env:TOKEN") == "t"
    assert resolved("password", f"file:{tmp_path / 'token'}") == "from a file"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NO_SUCH", "NO_SUCH, which is not set"),
        ("file:/no/such", "/no/such, which can't be read"),
        ("file:/dev/null", "which is empty"),
        ("hunter2", "must say where the credential is"),
        ("env:", "must say where the credential is"),
    ],
)
def test_a_reference_that_leads_to_nothing_is_said_without_showing_it(reference, said):
    with pytest.raises(BadReference, match=said) as refusal:
        resolved("password", reference)
    assert "hunter2" not in str(refusal.value)
    options = {**ROWS, "password": reference}
    with pytest.raises(BadSource, match=said):
        opened("n", "sql", "sqlite:///x.db", options, Settings(run=Path("/nowhere")))
