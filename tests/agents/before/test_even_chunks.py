"""Where chunks began and ended before 0.2.0.dev3, which documents of that time are still cut by."""

import pytest

from agents.before.even_chunks import packed_evenly
from agents.chunk_policies import ChunkPolicy
from schemas import Block
from tests.agents.cut_at_once import at_once, cut_by

HEAD = "name | height | built"
ROWS = [f"tower{n} | {n} m | in {1900 + n}" for n in range(200)]


def tokens(text):
    return len(text.split())


def chunks(*blocks, overlap):
    policy = ChunkPolicy(tokens_min=1, tokens_target=180, tokens_max=200, overlap_tokens=overlap)
    return [chunk.text for chunk in at_once(packed_evenly(cut_by(tokens, "", blocks, policy)))]


@pytest.mark.parametrize(("overlap", "again"), [(5, True), (4, False)])  # the header has five
def test_a_tables_next_chunk_begins_with_its_header_where_there_is_room(overlap, again):
    first, *others = chunks(Block(kind="table", text="\n".join([HEAD, *ROWS])), overlap=overlap)
    assert first.startswith(HEAD)
    assert len(others) > 3
    assert {text.startswith(HEAD) for text in others} == {again}
    assert [row for text in (first, *others) for row in text.split("\n") if row != HEAD] == ROWS
