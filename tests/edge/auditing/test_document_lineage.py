"""Versions lead to the digests of their bytes; how much is read back for that is bounded."""

from types import SimpleNamespace

import pytest

from edge.auditing import document_lineage
from edge.auditing.document_lineage import DocumentLineage
from edge.listening.entries import Entry
from edge.listening.known_documents import KnownDocument
from schemas import Batch, ChunksCut, DocumentRef, Manifest, Passage
from tests.fakes import a_meta


def manifest(checksum):
    fields = {"parser": "p", "parser_version": "1", "policy": "faq", "chunks": ()}
    return Manifest(checksum=checksum, **fields)


def cut(document, version):
    return ChunksCut(
        meta=a_meta(session=document),
        document=DocumentRef(document=document, version=version, uri="u"),
        batch=Batch(number=0, last=True),
        outcome="cut",
        manifest=manifest(f"{document}@{version}"),
    )


def passage(document, version):
    texts = {"title": "", "uri": f"uri of {document}", "text": "x"}
    place = {"chunk": f"{document}-{version}", "number": 0, "tokens": 1}
    return Passage(document=document, version=version, **place, **texts)


class Versions:
    """Documents of so many versions each, of which the last is in force."""

    def __init__(self, **versions):
        self.versions = versions
        self.read = []

    def about(self, _tenant, document, most):
        newest = range(self.versions[document], 0, -1)
        return [SimpleNamespace(document=document, version=one) for one in newest][:most]

    async def read_back(self, request, kinds):
        assert kinds == (ChunksCut,)
        self.read.append((request.document, request.version))
        return [Entry(cut(request.document, request.version), 0, 0, 0)]

    def known(self, document):
        version = self.versions[document]
        return KnownDocument(document, version=version, manifest=manifest(f"{document}@{version}"))

    async def told(self, *wanted, cited=()):
        lineage = DocumentLineage(self, self.read_back)
        passages = [passage(*one) for one in wanted]
        return await lineage.of_passages("acme", passages, set(cited), self.known)


async def test_the_version_in_force_is_known_without_reading():
    versions = Versions(a=2)
    [told] = await versions.told(("a", 2), ("a", 2), cited=["a"])
    assert (told["checksum"], told["in_force"], told["cited"]) == ("a@2", True, True)
    assert versions.read == []


async def test_an_older_version_is_looked_for_from_the_newest_on():
    versions = Versions(a=3)
    [told] = await versions.told(("a", 2))
    assert (told["checksum"], told["in_force"], told["cited"]) == ("a@2", False, False)
    assert versions.read == [("a", 3), ("a", 2)]


@pytest.mark.parametrize("most", [1, 3, 5])
async def test_no_more_is_read_than_one_look_may(monkeypatch, most):
    monkeypatch.setattr(document_lineage, "READ_MAX", most)
    versions = Versions(a=9, b=9)
    told = await versions.told(("a", 7), ("b", 1))
    assert len(versions.read) == most
    assert [one["checksum"] for one in told] == ["a@7" if most >= 3 else None, None]
    assert [one["version"] for one in told] == [7, 1]
