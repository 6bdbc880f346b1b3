"""A folder as a source: files by their time and size, whatever their names and links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.sources.findings import (
    FoundDocument,
    GoneMeanwhile,
    LeftOut,
    SourceAway,
    UnreadDocument,
)
from connectors.sources.folder import FolderSource
from connectors.sources.name_patterns import NamePatterns


class Nothing:
    """What is known of a source that never ran."""

    def validators(self, _uri):
        return ""

    def uris(self):
        return iter(())


def found(folder, include="", exclude="", bytes_max=1_000):
    source = FolderSource(folder, NamePatterns(include, exclude), bytes_max)
    return source, list(source.found(Nothing(), ""))


def uris(findings):
    return [one.uri for one in findings if isinstance(one, FoundDocument)]


def left(findings):
    return {
        Path(one.name).name: (one.why, one.reason) for one in findings if isinstance(one, LeftOut)
    }


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "docs"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "b.md").write_text("b")
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "c.HTML").write_text("c")
    (folder / "deep" / "deeper" / "d.md").write_text("d")
    (folder / ".git" / "hidden.md").write_text("x")
    (folder / ".hidden.md").write_text("x")
    (folder / "tool.exe").write_bytes(b"MZ")
    return folder


def test_files_are_listed_in_order_and_hidden_ones_left_out(folder):
    source, findings = found(folder)
    expected = ["a.txt", "b.md", "deep/c.HTML", "deep/deeper/d.md"]
    assert uris(findings) == [(folder / name).as_uri() for name in expected]
    assert left(findings)["tool.exe"] == ("skipped", ".exe files can't be read")
    assert source.incomplete == ""
    assert source.absence_tells
    assert source.expected() == 5


def test_names_are_wanted_by_patterns(folder):
    assert [uri.rpartition("/")[2] for uri in uris(found(folder, "*.md, *.txt", "deep/*")[1])] == [
        "a.txt",
        "b.md",
    ]


def test_a_marker_tells_versions_apart_and_is_that_of_what_was_read(folder):
    [one] = [one for one in found(folder)[1] if getattr(one, "uri", "").endswith("/b.md")]
    version = one.read()
    assert (version.content, version.media_type, version.marker) == (
        b"b",
        "text/markdown",
        one.marker,
    )
    os.utime(folder / "b.md", ns=(0, 1))
    [again] = [one for one in found(folder)[1] if getattr(one, "uri", "").endswith("/b.md")]
    assert again.marker != one.marker
    assert one.read().marker == again.marker  # it changed between listing and reading


def test_links_make_no_loop_and_lead_nowhere_else(folder, tmp_path):
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "secret.md").write_text("s")
    (folder / "dangling.md").symlink_to(folder / "none.md")
    (folder / "round.md").symlink_to(folder / "round.md")
    (folder / "within.md").symlink_to(folder / "b.md")
    _, findings = found(folder)
    told = left(findings)
    assert "not followed" in told["loop"][1]
    assert told["out.md"][1] == "the link leads out of the folder"
    assert told["dangling.md"][1] == told["round.md"][1] == "the link leads nowhere"
    assert (folder / "within.md").as_uri() in uris(findings)
    assert len(uris(findings)) == 5


def test_names_that_are_no_utf8_are_documents_too(folder):
    name = b"caf\xe9.md"
    (folder / os.fsdecode(name)).write_bytes(b"x")
    _, findings = found(folder)
    [uri] = [uri for uri in uris(findings) if "caf" in uri]
    assert uri.endswith("/caf%E9.md")
    uri.encode()


def test_names_that_are_no_utf8_under_the_home_folder_too(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    (folder / os.fsdecode(b"caf\xe9.md")).write_bytes(b"x")
    listed = uris(found(folder)[1])
    assert "file:///~/docs/caf%E9.md" in listed
    assert "file:~/docs/a.txt" in listed


def test_what_is_too_large_is_refused_unread(folder):
    (folder / "large.md").write_bytes(b"x" * 1_001)
    _, findings = found(folder)
    assert left(findings)["large.md"] == (
        "failed",
        "it has 1001 bytes, the limit is 1000: split it, or raise PLAYHEAD_DOCUMENT_BYTES_MAX",
    )


def test_what_grew_since_it_was_listed_is_refused_too(folder):
    [one] = [one for one in found(folder)[1] if getattr(one, "uri", "").endswith("/b.md")]
    (folder / "b.md").write_bytes(b"x" * 5_000)
    with pytest.raises(UnreadDocument, match="the limit is 1000"):
        one.read()


def test_what_went_meanwhile_is_told_from_what_can_not_be_read(folder):
    by_name = {one.uri.rpartition("/")[2]: one for one in found(folder)[1] if hasattr(one, "read")}
    (folder / "b.md").unlink()
    with pytest.raises(GoneMeanwhile):
        by_name["b.md"].read()
    (folder / "a.txt").unlink()
    os.mkfifo(folder / "a.txt")  # reading it would wait for ever
    with pytest.raises(UnreadDocument, match="no file any more"):
        by_name["a.txt"].read()


def test_a_folder_that_can_not_be_listed_makes_the_listing_incomplete(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    source, findings = found(folder)
    assert left(findings)["deeper"] == ("failed", "the folder can't be listed: Permission denied")
    assert source.incomplete.endswith("deeper can't be listed")
    assert len(uris(findings)) == 3


def test_a_folder_that_is_none_is_away(folder):
    with pytest.raises(SourceAway, match="is no folder: is it mounted"):
        found(folder / "b.md")


def test_a_file_that_goes_while_the_folder_is_listed_is_left_out(folder):
    for number in range(2_000):
        (folder / f"n{number}.md").write_text("x")
    source = FolderSource(folder, NamePatterns(), 1_000)
    listing = source.found(Nothing(), "")
    next(listing)
    (folder / "n1999.md").unlink()  # listed by name already, and looked at when its turn comes
    assert sum(1 for one in listing if isinstance(one, FoundDocument)) == 2_002


@pytest.mark.parametrize("replaced", ["b.md", "deep"])
def test_a_link_that_takes_the_place_of_what_was_listed_is_not_followed(folder, tmp_path, replaced):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.HTML").write_text("secret")
    target = outside if replaced == "deep" else outside / "c.HTML"
    name = "deep/c.HTML" if replaced == "deep" else replaced
    source = FolderSource(folder, NamePatterns(), 1_000)
    findings = source.found(Nothing(), "")
    next(findings)  # its folder was listed, it itself is still to come
    (folder / replaced).rename(tmp_path / "aside")
    (folder / replaced).symlink_to(target)
    told = [one for one in findings if isinstance(one, FoundDocument)]
    [one] = [one for one in told if one.uri == (folder / name).as_uri()]
    with pytest.raises(UnreadDocument, match="leads out of the folder"):
        one.read()


def test_a_file_that_was_given_the_time_of_another_is_another(folder):
    _, before = found(folder)
    path = folder / "b.md"
    status = path.stat()
    path.write_text("c")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    _, after = found(folder)
    old = {one.uri: one.marker for one in before if isinstance(one, FoundDocument)}
    new = {one.uri: one.marker for one in after if isinstance(one, FoundDocument)}
    assert [uri for uri in new if new[uri] != old[uri]] == [path.as_uri()]


def test_pictures_are_read_where_they_are_named(folder):
    (folder / "scan.PNG").write_bytes(b"png")
    (folder / "plan.pdf").write_bytes(b"pdf")
    _, findings = found(folder)
    assert (folder / "plan.pdf").as_uri() in uris(findings)
    assert (folder / "scan.PNG").as_uri() not in uris(findings)
    assert left(findings)["scan.PNG"][0] == "skipped"
    assert uris(found(folder, include="*.PNG")[1]) == [(folder / "scan.PNG").as_uri()]
