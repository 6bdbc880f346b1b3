"""Long work has pauses: what runs in one go does not grow with the document."""

import pytest

from agents.chunk_policies import ChunkPolicy
from agents.ingest import _cut
from agents.slices import SLICE, collected
from schemas import Block, CountTokens, DocumentSubmitted, Now, Sealed, TokenCounts
from streams.log.configuration import load
from tests.agents.cut_at_once import at_once, chunks_of, cut_by
from tests.agents.hostile import LinesWithoutPause
from tests.fakes import FakeEffects, a_meta

CONFIGURATION = load()["ingest"].values
POLICIES = CONFIGURATION["policies"]
SUBMITTED = DocumentSubmitted(
    meta=a_meta(), document="d", uri="u", media_type="text/plain",
    content=Sealed(key="k", event="e", field="f", ciphertext=b""),
)  # fmt: skip
LINES_MAX = 60 * SLICE
"""In one go, at most: a line takes about a tenth of a microsecond, so this is some milliseconds."""


def sentence(number):
    return f"Word {number} here."


def of_kind(kind, level=0):
    return lambda number: Block(kind=kind, level=level, text=sentence(number))


DOCUMENTS = {
    "paragraphs": lambda size: map(of_kind("paragraph"), range(size)),
    "headings": lambda size: map(of_kind("heading", 1), range(size)),
    "headings and paragraphs": lambda size: (
        of_kind("heading" if n % 2 else "paragraph", n % 6)(n) for n in range(size)
    ),
    "one paragraph": lambda size: [Block(kind="paragraph", text=" ".join(map(sentence, range(size))))],
    "one listing": lambda size: [Block(kind="code", text="\n".join(map(sentence, range(size))))],
    "one table": lambda size: [Block(kind="table", text="\n".join(map(sentence, range(size))))],
    "one long word": lambda size: [Block(kind="paragraph", text="x" * 16 * size)],
}  # fmt: skip


class FakePausingEffects(FakeEffects):
    """Counts pauses, and the lines that run between them."""

    def __init__(self):
        super().__init__(
            "ingest", SUBMITTED, {CountTokens: self.count}, {**CONFIGURATION, "chunks_max": 10**6}
        )
        self.lines = LinesWithoutPause()
        self.pauses = 0

    def count(self, request):
        self.lines.pause()
        return TokenCounts(counts=tuple(len(text) // 4 + 1 for text in request.texts), version="v")

    async def pause(self):
        self.pauses += 1
        self.lines.pause()
        await super().pause()


async def cut(blocks, policy):
    """Cut a document; return its chunks, the most lines in one go, and the pauses."""
    fx = FakePausingEffects()
    await fx.begin()
    with fx.lines:
        chunks = await _cut("Title", tuple(blocks), policy, fx)
    return chunks, fx.lines.most, fx.pauses


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("family", DOCUMENTS)
async def test_what_runs_in_one_go_does_not_grow_with_the_document(family, policy):
    most, pauses = {}, {}
    for size in (2 * SLICE, 8 * SLICE):
        _, most[size], pauses[size] = await cut(DOCUMENTS[family](size), POLICIES[policy])
    assert max(most.values()) <= LINES_MAX
    if family != "one long word":  # which is few pieces
        assert pauses[8 * SLICE] >= 3 * pauses[2 * SLICE] > 0


@pytest.mark.parametrize("family", DOCUMENTS)
async def test_pauses_change_no_chunk(family):
    blocks = tuple(DOCUMENTS[family](SLICE + 7))
    chunks, _, _ = await cut(blocks, POLICIES["procedural"])
    policy = ChunkPolicy.read(POLICIES["procedural"])
    cutting = cut_by(lambda text: len(text) // 4 + 1, "Title", blocks, policy)
    assert chunks_of(cutting) == chunks


@pytest.mark.parametrize(("items", "pauses"), [(0, 0), (SLICE - 1, 0), (SLICE, 1), (3 * SLICE, 3)])
async def test_a_pause_follows_each_slice_of_results_and_of_none(items, pauses):
    for work in (list(range(items)), [None] * items):
        fx = FakePausingEffects()
        assert await collected(work, fx) == at_once(work) == tuple(n for n in work if n is not None)
        assert fx.pauses == pauses


async def test_a_pause_is_no_effect():
    fx = FakePausingEffects()
    await fx.begin()
    before = (fx._issued, list(fx._pending))
    await fx.pause()
    assert (fx._issued, fx._pending) == before
    assert (await fx(Now())) is not None
    assert fx._issued == before[0] + 1
