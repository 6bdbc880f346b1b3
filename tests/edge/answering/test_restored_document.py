"""A document as redaction wrote it, put together again."""

from edge.answering.restored_document import (
    DIGESTS_MAX,
    DocumentRecords,
    parts_of,
    restored_text,
)
from schemas import Batch, ChunksRedacted, DocumentRef, Manifest, MapEntry, RedactedChunk, Sealed

SEALED = Sealed(key="value/d", event="e", field="f", ciphertext=b"x")


def entry(number, digest=None):
    name = f"<PERSON_{number}>"
    return MapEntry(placeholder=name, kind="PERSON", digest=digest or f"d{number}", value=SEALED)


def chunk(id_, text, *entries):
    return RedactedChunk(id=id_, number=0, text=text, tokens=1, entries=entries)


def written(*chunks, version=1, number=0, ids=None, outcome="redacted"):
    manifest = None
    if ids is not None:
        manifest = Manifest(checksum="", parser="", parser_version="", policy="", chunks=ids)
    return ChunksRedacted(
        document=DocumentRef(document="d", version=version, uri="u"),
        batch=Batch(number=number, last=ids is not None),
        outcome=outcome,
        chunks=chunks,
        manifest=manifest,
    )


def taken(*events):
    records = DocumentRecords()
    for event in events:
        records.take(event)
    return records


def test_the_newest_whole_version_has_chunks_of_earlier_ones_in_its_own_order():
    records = taken(
        written(chunk("a", "A"), chunk("b", "B")),
        written(chunk("c", "C"), number=1, ids=("a", "b", "c")),
        written(chunk("x", "X"), version=2, ids=("c", "x", "a")),
        written(chunk("y", "Y"), version=3),  # its last batch has not come
        written(version=4, ids=(), outcome="failed"),
        written(version=2, outcome="unchanged"),
    )
    assert records.document.version == 2
    assert [one.id for one in records.in_order()] == ["c", "x", "a"]


def test_nothing_is_left_of_a_document_that_was_withdrawn_until_it_comes_again():
    records = taken(written(chunk("a", "A"), ids=("a",)), written(outcome="withdrawn"))
    assert (records.document, records.in_order()) == (None, [])
    records.take(written(version=2, ids=("a",)))
    assert [one.id for one in records.in_order()] == ["a"]


def test_each_chunk_is_restored_by_its_own_map_and_what_is_shown_is_told_once():
    chunks = [
        chunk("a", "<PERSON_1> <_PERSON_1> <PERSON_2>", entry(1), entry(2)),
        chunk("b", "<PERSON_1> <PERSON_3>", entry(1, "d2"), entry(3)),
    ]

    def reveal(entries):
        names = {"d1": "Ada", "d2": "Bob"}
        return {one.placeholder: names[one.digest] for one in entries if one.digest in names}

    text = restored_text(chunks, reveal)
    assert text.chunks == (("a", "Ada <PERSON_1> Bob"), ("b", "Bob <PERSON_3>"))
    assert [one.digest for one in text.shown] == ["d1", "d2"]
    assert text.hidden == 1


def test_what_was_shown_is_told_in_parts_and_nothing_in_one():
    assert list(parts_of(())) == [(Batch(number=0, last=True), ())]
    entries = tuple(entry(number, f"{number:05}") for number in range(DIGESTS_MAX + 1))
    parts = list(parts_of(entries))
    assert [(batch.number, batch.last, len(digests)) for batch, digests in parts] == [
        (0, False, DIGESTS_MAX),
        (1, True, 1),
    ]
