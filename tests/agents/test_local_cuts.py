"""Local cuts: an edit moves no cut that is far from it; and old logs are cut by the old rule."""

import re
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.before.even_chunks import packed_evenly
from agents.chunk_policies import ChunkPolicy
from agents.local_cuts import spans
from agents.outline import HEADING, Outline
from agents.pieces import QUESTION_LEVEL, Piece
from schemas import Block
from streams.log.configuration import load
from tests.agents.cut_at_once import at_once, chunks_of, cut_by

POLICIES = {
    name: ChunkPolicy.read(policy) for name, policy in load()["ingest"].values["policies"].items()
}
SIZES = ChunkPolicy(tokens_min=1, tokens_target=180, tokens_max=200, overlap_tokens=20)
SHARE_MAX = 0.02  # of the chunks of a hundred pages may be embedded again after an edit


@cache  # most of a document is as it was before an edit
def tokens(text):
    return len(re.findall(r"[A-Za-z0-9]{1,6}|[^\sA-Za-z0-9]", text))


def sentence(number, words=9):
    """Return a sentence that no other number has; its length varies."""
    said = " ".join(f"w{(number * 7919 + k * 104729) % 9973}" for k in range(words + number % 7))
    return f"Item {number} {said}."


def prose(pages, headings=0):
    """Return 400 words a page in paragraphs, with a heading every so many pages, or none."""
    blocks = []
    for number in range(pages * 6):
        if headings and number % (6 * headings) == 0:
            blocks.append(Block(kind="heading", level=2, text=f"Part {number}"))
        text = " ".join(sentence(6 * number + k) for k in range(5))
        blocks.append(Block(kind="paragraph", text=text))
    return blocks


def texts(blocks, policy=POLICIES["procedural"]):
    return [chunk.text for chunk in chunks_of(cut_by(tokens, "Manual", blocks, policy))]


def edited(blocks, at, new):
    """Replace what stands at a place by other blocks."""
    return [*blocks[:at], *new(blocks[at]), *blocks[at + 1 :]]


EDITS = {
    "a word": lambda one: [Block(kind=one.kind, text=one.text.replace(" w", " gargantuan w", 1))],
    "a word less": lambda one: [Block(kind=one.kind, text=one.text.replace("Item ", "", 1))],
    "a paragraph": lambda one: [Block(kind="paragraph", text=sentence(10**6, 60)), one],
    "a paragraph less": lambda one: [],
}
PAGES = {
    "prose": prose(100),
    "a heading on each page": prose(100, headings=1),
    "one paragraph": [Block(kind="paragraph", text=" ".join(map(sentence, range(3_000))))],
    "a table": [
        Block(kind="table", text="\n".join(f"{sentence(n)} | {n}" for n in range(3_000)))
    ],
    "a listing": [
        Block(
            kind="code",
            text="\n".join(
                f"def f{n}():\n    {sentence(n)}\n    return {n}\n" for n in range(1_000)
            ),
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("pages", ["prose", "a heading on each page"])
def test_an_edit_of_a_hundred_pages_makes_few_chunks_anew(pages, edit):
    blocks = PAGES[pages]
    before = texts(blocks)
    assert len(before) > 100
    paragraphs = [at for at, block in enumerate(blocks) if block.kind == "paragraph"]
    places = [paragraphs[len(paragraphs) * k // 12] for k in range(12)] + paragraphs[-1:]
    for at in places:
        new = set(texts(edited(blocks, at, EDITS[edit]))) - set(before)
        assert len(new) <= SHARE_MAX * len(before), at


@pytest.mark.parametrize("pages", ["one paragraph", "a table", "a listing"])
def test_an_edit_within_one_long_block_makes_few_chunks_anew(pages):
    [block] = PAGES[pages]
    before = texts([block])
    assert len(before) > 50
    for number in (1, 300, 701, 999):
        changed = block.text.replace(f"Item {number} ", f"Item {number} gargantuan ")
        assert changed != block.text
        new = set(texts([Block(kind=block.kind, text=changed)])) - set(before)
        assert 0 < len(new) <= SHARE_MAX * len(before) + 1


def test_a_heading_is_told_in_the_chunks_of_its_section_alone():
    blocks = PAGES["a heading on each page"]
    before = texts(blocks)
    renamed = edited(blocks, 7 * 50, lambda one: [Block(kind="heading", level=2, text="Renamed")])
    new = [text for text in texts(renamed) if text not in set(before)]
    assert 0 < len(new) <= 3
    assert all("Renamed" in text for text in new)


# ---------------------------------------------------------------------- laws of the cuts

weights = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["sentence", "sentence", "heading", "table"])),
    min_size=1,
    max_size=120,
)


def pieces_by(shape):
    return tuple(
        Piece(f"{kind} {number} {weight}", "\n\n" if number % 3 else " ", kind, 1, weight)
        for number, (weight, kind) in enumerate(shape)
    )


def cut(pieces, policy=SIZES, lead=lambda _: 7):
    outline = Outline()
    at_once(outline.drawn(pieces))
    found = at_once(spans(pieces, outline, policy, lead))
    return found, outline


@settings(deadline=None)
@given(weights)
def test_chunks_are_all_pieces_in_order_and_as_long_as_may_be(shape):
    pieces = pieces_by(shape)
    found, outline = cut(pieces)
    assert [first for first, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(pieces)
    total = list(accumulate((piece.weight for piece in pieces), initial=0))
    for first, end in found:
        assert 7 + total[end] - total[first] <= SIZES.tokens_max
    for (first, middle), (_, end) in pairwise(found):
        least = SIZES.tokens_target if outline.strengths[middle] >= HEADING else SIZES.tokens_max
        assert 7 + total[end] - total[first] > least


@settings(deadline=None)
@given(weights, st.integers(0, 119), st.integers(1, 60))
def test_what_is_far_from_an_edit_is_cut_as_before(shape, at, weight):
    """Far behind it, and before it: within both, cuts are those that there were."""
    pieces = pieces_by(shape)
    at %= len(pieces)
    changed = [*pieces]
    changed[at] = Piece("another", pieces[at].before, pieces[at].kind, 1, weight)
    long = [*pieces_by([(20, "sentence")] * 200)]
    one, other = ([*long, *middle, *long] for middle in (pieces, changed))
    assert len(one) == len(other)
    before, after = ({first for first, _ in cut(tuple(some))[0]} for some in (one, other))
    middle = range(len(long) - 80, len(one) - len(long) + 80)
    assert before - set(middle) == after - set(middle)


def test_the_weakest_boundary_is_joined_first():
    pieces = tuple(
        Piece(text, before, kind, level, 90)
        for text, before, kind, level in (
            ("one", "\n\n", "sentence", 0),
            ("two", " ", "sentence", 0),
            ("three", "\n\n", "sentence", 0),
            ("four", " ", "sentence", 0),
        )
    )
    assert cut(pieces)[0] == ((0, 2), (2, 4))


def plain(pieces, policy, lead):
    """Return the chunks by the rule as it is said, piece by piece and without a thought of time."""
    outline = Outline()
    at_once(outline.drawn(pieces))
    ranked = sorted(
        range(1, len(pieces)),
        key=lambda at: (
            outline.strengths[at],
            blake2b(pieces[at].text.encode(), digest_size=8).digest(),
            at,
        ),
    )
    found = [[at] for at in range(len(pieces))]

    def length(some):
        return lead(some[0]) + sum(pieces[at].weight for at in some)

    for at in ranked:
        [left] = [some for some in found if some[-1] == at - 1]
        [right] = [some for some in found if some[0] == at]
        both = length([*left, *right])
        small = min(length(left), length(right)) < policy.tokens_min
        most = policy.tokens_max
        if outline.strengths[at] >= HEADING and not small:
            most = policy.tokens_target
        if both <= most:
            found.remove(right)
            left += right
    return tuple((some[0], some[-1] + 1) for some in found)


sized = st.builds(
    ChunkPolicy,
    tokens_min=st.integers(0, 150),
    tokens_target=st.integers(150, 180),
    tokens_max=st.integers(180, 200),
    overlap_tokens=st.just(20),
)


@settings(deadline=None)
@given(weights, sized, st.integers(1, QUESTION_LEVEL))
def test_cuts_are_those_of_the_rule_as_it_is_said(shape, policy, levels):
    pieces = tuple(
        replace(piece, level=1 + number % levels) for number, piece in enumerate(pieces_by(shape))
    )
    assert cut(pieces, policy)[0] == plain(pieces, policy, lambda _: 7)


def test_boundaries_of_one_strength_are_in_the_order_of_their_digests():
    def rank(text):
        return blake2b(text.encode(), digest_size=8).digest()

    near = sorted((f"n{number}" for number in range(4_000)), key=rank)
    for low, high in pairwise(near[1_000:1_200]):  # some share all of their first byte
        pieces = tuple(Piece(text, " ", "sentence", 0, 90) for text in ("first", high, low))
        assert cut(pieces)[0] == ((0, 1), (1, 3))


def test_what_is_exactly_as_long_as_may_be_is_one_chunk():
    for weight, chunks in ((93, 1), (94, 2)):
        pieces = pieces_by([(100, "sentence"), (weight, "sentence")])
        assert len(cut(pieces)[0]) == chunks


@pytest.mark.parametrize("level", [1, QUESTION_LEVEL])
def test_a_small_section_is_joined_beyond_the_target_and_a_large_one_is_not(level):
    policy = ChunkPolicy(tokens_min=60, tokens_target=180, tokens_max=200, overlap_tokens=20)
    for small, chunks in ((58, 1), (59, 2)):
        pieces = tuple(
            Piece(f"{number}", "\n\n", kind, level, weight)
            for number, (kind, weight) in enumerate(
                [("heading", 1), ("sentence", 130), ("heading", 1), ("sentence", small)]
            )
        )
        assert len(cut(pieces, policy, lambda _: 0)[0]) == chunks


@pytest.mark.parametrize("name", range(10))
def test_sections_of_one_chapter_are_joined_before_chapters_are(name):
    pieces = tuple(
        Piece(f"{name} {number}", "\n\n", kind, level, weight)
        for number, (kind, level, weight) in enumerate(
            [("heading", 1, 40), ("sentence", 0, 30), ("heading", 2, 40), ("sentence", 0, 30)] * 2
        )
    )
    assert cut(pieces)[0] == ((0, 4), (4, 8))


@pytest.mark.parametrize("level", range(1, QUESTION_LEVEL + 1))
def test_a_heading_goes_with_what_follows_it_however_much_that_is(level):
    pieces = (
        Piece("before", "\n\n", "sentence", 0, 90),
        Piece("heading", "\n\n", "heading", level, 10),
        Piece("after", "\n\n", "sentence", 0, 95),
        Piece("and more", " ", "sentence", 0, 95),
    )
    assert cut(pieces)[0] == ((0, 1), (1, 3), (3, 4))


def test_before_it_was_declared_long_sections_were_split_evenly():
    blocks = [Block(kind="paragraph", text=" ".join(map(sentence, range(100))))]
    cutting = cut_by(tokens, "T", blocks, POLICIES["procedural"])
    even, local = (
        [chunk.tokens for chunk in at_once(work)]
        for work in (packed_evenly(cutting), cutting.packed())
    )
    assert max(even) - min(even) < 100 < max(local) - min(local)


# ---------------------------------------------------------------------- what is repeated


def test_a_row_of_a_table_stands_under_the_first_row_wherever_it_is_cut():
    head = "Item | Price | Colour | " + " | ".join(f"column {n}" for n in range(20))
    rows = "\n".join(f"Part {n} | {n} Euro | red" for n in range(300))
    found = texts([Block(kind="table", text=f"{head}\n{rows}")], POLICIES["table"])
    assert len(found) > 3
    assert tokens(head) > POLICIES["procedural"].overlap_tokens
    assert all(text.removeprefix("Manual\n\n").startswith(f"{head}\nPart") for text in found)


def test_a_part_of_a_listing_stands_under_the_lines_that_it_is_indented_under():
    methods = "\n\n".join(
        f"    def step_{n}(self):\n        "
        + "\n        ".join(f"call_{n}_{k}()" for k in range(12))
        for n in range(30)
    )
    found = texts([Block(kind="code", text=f"class Machine:\n{methods}")], POLICIES["code"])
    assert len(found) > 3
    for text in found:
        body = text.removeprefix("Manual\n\n").replace("\n\n", "\n").split("\n")
        assert body[0] == "class Machine:"
        assert body[1].startswith("    def step_")
        calls = sum(line.startswith("        call_") for line in body)
        assert calls == 12 * sum(line.startswith("    def step_") for line in body)


def test_a_listing_is_cut_between_its_parts_where_they_fit():
    parts = [
        f"def part_{n}():\n" + "\n".join(f"    call_{k}()" for k in range(9)) for n in range(40)
    ]
    found = texts([Block(kind="code", text="\n\n".join(parts))], POLICIES["code"])
    assert len(found) > 3
    for text in found:
        for part in text.removeprefix("Manual\n\n").split("\n\n"):
            assert part in parts


def test_a_conversation_is_cut_between_turns():
    turns = [
        f"{name}: " + " ".join(sentence(10 * number + k) for k in range(1 + number % 3))
        for number, name in enumerate(["Ann", "Bob Lee"] * 60)
    ]
    policy = ChunkPolicy(
        tokens_min=1, tokens_target=320, tokens_max=448, overlap_tokens=0, turns=True
    )
    for separator in ("\n", "\n\n"):
        blocks = [
            Block(kind="paragraph", text=text) for text in separator.join(turns).split("\n\n")
        ]
        found = texts(blocks, policy)
        assert len(found) > 3
        assert all(
            text.removeprefix("Manual\n\n").startswith(("Ann:", "Bob Lee:")) for text in found
        )
