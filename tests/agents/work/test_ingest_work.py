"""The work of *ingest* is linear in a document."""

from dataclasses import asdict

import pytest

from agents import ingest
from agents.batching import batches, new_chunks
from agents.before.even_chunks import packed_evenly
from agents.chunk_policies import ChunkPolicy, known_policy, policy_for, shares_of
from agents.chunking import chunk_ids
from agents.document_language import document_language
from schemas import Block, DocumentSubmitted
from tests.agents.cut_at_once import at_once, chunks_of, cut_by
from tests.agents.work.growth import CUT_SIZE, cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import SEALED
from tests.fakes import a_meta

CHUNKS = ChunkPolicy(
    tokens_min=20, tokens_target=130, tokens_max=140, overlap_tokens=10, header_tokens=15
)
"""Small ones, so that a small document is cut."""


def cutting(text, kind="paragraph", questions=False, parted=False):
    parts = text.split() if parted else [text]
    blocks = [Block(kind=kind, text=part, level=1 + n % 6) for n, part in enumerate(parts)]
    known_policy(text, ("faq",))
    shares = dict(at_once(shares_of(blocks)))
    policy_for("text/plain", shares, {"faq": {"default_for": {"shares": {"code": 0.1}}}}, "")
    document_language(blocks)
    policy = ChunkPolicy.read({**asdict(CHUNKS), "questions": questions, "turns": parted})
    cut = cut_by(lambda one: len(one) // 4, ingest.one_line(text), blocks, policy)
    list(ingest._within(ingest._measurable(cut.pieces, 40), len(cut.pieces)))
    at_once(packed_evenly(cut))
    chunks = chunks_of(cut)
    ids = chunk_ids("t", "d", [chunk.text for chunk in chunks])
    list(batches(new_chunks(ids, chunks, ids[::2]), 16, 200_000))
    ingest._common(ids, ids[::2])
    ingest._missing(ids, ids[::2])
    ingest.failed(ingest._ref(DOCUMENT, 1), "")
    ingest.shape_of(DOCUMENT, text, {})


DOCUMENT = DocumentSubmitted(
    meta=a_meta(), document="d", uri="", media_type="text/plain", content=SEALED, chunk_policy="faq"
)


PIECES = {
    "ingest: prose": cutting,
    "ingest: questions": lambda text: cutting(text, questions=True),
    "ingest: a table": lambda text: cutting(4 * text, "table"),  # of many chunks
    "ingest: code": lambda text: cutting(text, "code"),
    "ingest: headings": lambda text: cutting(text, "heading", parted=True),
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece], CUT_SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
