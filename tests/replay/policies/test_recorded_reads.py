"""What was told of documents, by the time of a request."""

from replay.policies.recorded_reads import SubmittedDocuments
from schemas import DocumentSubmitted, Sealed
from tests.fakes import a_meta


def submitted(at, **metadata):
    content = Sealed(key="k", event="e", field="content", ciphertext=b"")
    return DocumentSubmitted(
        meta=a_meta(at=at),
        document="d",
        uri="d.md",
        media_type="t",
        content=content,
        metadata=metadata,
    )


def test_a_document_is_as_it_was_told_of_last_by_then():
    known = SubmittedDocuments([submitted(30, v="3"), submitted(10, v="1"), submitted(20, v="2")])
    told = [known.at("acme", "d", at).metadata["v"] for at in (10, 19, 20, 29, 30, 99)]
    assert told == ["1", "1", "2", "2", "3", "3"]
    assert known.at("acme", "d", 5).metadata["v"] == "1"  # clocks differ: better than nothing
    assert known.at("globex", "d", 99) is None
