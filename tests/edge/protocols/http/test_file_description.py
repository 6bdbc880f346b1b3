"""What is told of a file, and which document that makes."""

import pytest

from edge.problems import Problem
from edge.protocols.http.file_description import FileDescription, check_name
from edge.requests import limits


@pytest.mark.parametrize(
    ("told", "name", "sent", "uri", "kind"),
    [
        ({}, "a.pdf", "", "upload/a.pdf", "application/pdf"),
        ({}, "a.pdf", "text/plain; charset=latin-1", "upload/a.pdf", "text/plain; charset=latin-1"),
        ({"media_type": "text/html"}, "a.pdf", "text/plain", "upload/a.pdf", "text/html"),
        ({"uri": "https://a.test/x.md"}, "", "", "https://a.test/x.md", "text/markdown"),
        ({"uri": "u"}, "a.md", "application/octet-stream; x=y", "u", "text/markdown"),
    ],
)
def test_what_is_not_told_follows_from_name_and_type(told, name, sent, uri, kind):
    document = FileDescription(**told).document(name, sent, b"x")
    assert (document.uri, document.media_type, document.content) == (uri, kind, b"x")


def test_all_that_is_told_is_the_document_s():
    told = {
        "title": "t",
        "metadata": {"n": 1.0, "b": True},
        "groups": ["g"],
        "chunk_policy": "prose",
    }
    document = FileDescription(uri="u", media_type="text/plain", **told).document("", "")
    assert (document.title, document.groups, document.chunk_policy) == ("t", ["g"], "prose")
    assert document.metadata == {"n": "1", "b": "true"}


@pytest.mark.parametrize(("told", "name"), [({}, ""), ({}, "a"), ({}, "a.exe"), ({"uri": "u"}, "")])
def test_a_file_of_an_unknown_kind_or_without_a_name_is_refused(told, name):
    with pytest.raises(Problem) as refused:
        FileDescription(**told).document(name, "")
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b/c.txt",
        "..a",
        "a..",
        "Über: 1.txt",
        "گزارش\u200cها.pdf",
        "👩\u200d🔬.md",
        "x" * limits.FILE_NAME_MAX,
    ],
)
def test_a_plain_name_in_any_language_passes(name):
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * (limits.FILE_NAME_MAX + 1),
        ".",
        "..",
        "../a",
        "a/..",
        "a/./b",
        "/a",
        "a/",
        "a//b",
        "a\\b",
        "c:\\a",
        "C:a",
        "a\nb",
        "a\x00",
        "a\x7f",
        "a\u2028b",
        "a\u202eb",
        "a\ud800",
        " ",
        "a/ /b",
        "a/.. /b",
    ],
)
def test_a_name_that_leads_elsewhere_or_deceives_is_refused_unspoken(name):
    with pytest.raises(Problem) as refused:
        check_name(name)
    assert refused.value.slug == "bad-file-name"
    assert "passwd" not in refused.value.detail
