"""What the index tells of documents, for a policy to decide by."""

import pytest

from connectors.weaviate.descriptions import described
from connectors.weaviate.objects import group_values, metadata_values
from connectors.weaviate.tenant_objects import ReadObject
from connectors.weaviate.visibility import DocumentHistory
from schemas import Candidate, DescribedDocument


def a_candidate(document, chunk="c"):
    return Candidate(chunk=chunk, document=document, dense=0, lexical=0, score=0)


def a_history(metadata, groups):
    return DocumentHistory(
        versions=(1,),
        positions=(1,),
        groups=frozenset(group_values(groups)),
        metadata=frozenset(metadata_values(metadata)),
    )


def an_object(document, uri):
    return ReadObject("u", {"document": document, "uri": uri})


@pytest.mark.parametrize("groups", [(), ("*",), ("hr", "g:x", "")])
@pytest.mark.parametrize("metadata", [{}, {"class": "pay", "a": "=b=c", "": "", "é": "\n"}])
def test_a_document_is_described_as_it_was_handed_in(metadata, groups):
    histories = {"d": a_history(metadata, groups)}
    told = described([a_candidate("d"), a_candidate("d", "c2")], histories, [an_object("d", "a/b")])
    assert told == (
        DescribedDocument(document="d", uri="a/b", metadata=metadata, groups=tuple(sorted(groups))),
    )


def test_documents_are_told_in_the_order_of_their_ids_and_no_other_ones():
    histories = {name: a_history({}, ()) for name in "abc"}
    told = described([a_candidate("c"), a_candidate("a")], histories, [])
    assert [one.document for one in told] == ["a", "c"]


def test_a_document_whose_metadata_can_be_read_in_two_ways_is_not_described():
    histories = {"d": a_history({"class": "secret", "class=public": ""}, ())}
    assert described([a_candidate("d")], histories, []) == ()
