import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.chunk_policies import PREFIX_PART_TOKENS_MAX, ChunkPolicy
from agents.chunking import chunk_ids
from agents.errors import Permanent
from agents.pieces import CHARS_PER_TOKEN_MAX
from schemas import Block
from streams.log.configuration import load
from tests.agents.cut_at_once import chunks_of, cut_by

CONFIGURATION = load()["ingest"].values
PROCEDURAL = ChunkPolicy.read(CONFIGURATION["policies"]["procedural"])
FAQ = ChunkPolicy.read(CONFIGURATION["policies"]["faq"])


def tokens(text):
    """Like the embedder's: a word is one or more, ideographs and marks stand alone."""
    return len(re.findall(r"[A-Za-z0-9]{1,6}|[^\sA-Za-z0-9]", text))


def cut(title, blocks, policy=PROCEDURAL):
    return cut_by(tokens, title, blocks, policy)


def chunks(title, blocks, policy=PROCEDURAL):
    return chunks_of(cut(title, blocks, policy))


def paragraph(text):
    return Block(kind="paragraph", text=text)


def heading(level, text):
    return Block(kind="heading", level=level, text=text)


def prose(words, word="word"):
    return " ".join(f"{word.capitalize()} {word} {word} {word} {word}." for _ in range(words // 5))


def bare(text):
    return "".join(text.split())


# ---------------------------------------------------------------------- laws

texts = st.one_of(
    st.text("ab .!?\n", max_size=400),
    st.text("中文。！ \u0301", max_size=300),
    st.text(max_size=120),
    st.sampled_from(
        ["x" * 5000, prose(400), "Q: why?", "한국어" * 300, "a\n" * 300, " - | \n" * 90]
    ),
)
kinds = st.sampled_from(["heading", "paragraph", "list", "code", "table"])
documents = st.lists(
    st.builds(
        lambda kind, level, text: Block(kind=kind, level=level, text=text),
        kinds,
        st.integers(1, 6),
        texts,
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=400), documents, st.sampled_from([PROCEDURAL, FAQ]))
def test_chunks_are_the_document_within_bounds(title, blocks, policy):
    cutting = cut(title, blocks, policy)
    found = chunks_of(cutting)
    assert bare("".join(piece.text for piece in cutting.pieces)) == bare(
        "".join(b.text for b in blocks)
    )
    assert [0, *(chunk.end for chunk in found)][:-1] == [
        chunk.first for chunk in found
    ] or not found
    assert not found or found[-1].end == len(cutting.pieces)
    for chunk in found:
        passage = bare("".join(piece.text for piece in cutting.pieces[chunk.first : chunk.end]))
        assert passage
        assert bare(chunk.text).endswith(passage)
        assert chunk.tokens <= policy.tokens_max
        assert len(bare(chunk.text)) <= policy.tokens_max * CHARS_PER_TOKEN_MAX + 2
    assert found == chunks(title, blocks, policy)


# ---------------------------------------------------------------------- packing


def test_title_and_headings_stand_above_the_passage():
    blocks = [heading(1, "Pump"), heading(2, "Repair"), paragraph(prose(900))]
    first, second, *_ = chunks("Manual", blocks)
    assert first.text.startswith("Manual\n\nPump\n\nRepair\n\nWord word")
    assert second.text.startswith("Manual\nPump > Repair\n\nWord word")


def test_a_heading_that_is_the_title_is_said_once():
    [chunk] = chunks("Pump", [heading(1, "Pump"), paragraph("It pumps.")])
    assert chunk.text == "Pump\n\nIt pumps."


def test_a_heading_that_is_the_title_is_not_said_again_further_on():
    found = chunks("Pump", [heading(1, "Pump"), paragraph(prose(900))])
    assert all(chunk.text.startswith("Pump\n\nWord") for chunk in found[1:])


def test_a_small_section_stands_alone_beside_one_that_is_split():
    blocks = [heading(2, "A"), paragraph(prose(50)), heading(2, "B"), paragraph(prose(900))]
    first, second, *_ = chunks("T", blocks)
    assert first.text.startswith("T\n\nA\n\nWord")
    assert second.text.startswith("T\n\nB\n\nWord")


def test_a_repetition_that_would_not_fit_is_left_out():
    short, long = "Short " + "ones " * 18 + "here. ", "Long " + "word " * 331 + "end. "
    found = chunks("title " * 50, [heading(1, "h " * 50), paragraph((short * 8 + long) * 2)])
    assert any(chunk.text.split("\n\n")[-1].startswith("Long") for chunk in found)
    assert all(chunk.tokens <= PROCEDURAL.tokens_max for chunk in found)


def test_headings_that_no_longer_hold_are_not_repeated():
    blocks = [
        heading(1, "A"),
        heading(2, "Old"),
        paragraph(prose(400)),
        heading(2, "New"),
        paragraph(prose(900)),
    ]
    assert chunks("T", blocks)[-1].text.startswith("T\nA > New\n\n")


def test_small_sections_share_a_chunk_and_large_ones_begin_their_own():
    small = [block for name in "AB" for block in (heading(2, name), paragraph(prose(50)))]
    large = [block for name in "AB" for block in (heading(2, name), paragraph(prose(340)))]
    assert len(chunks("T", small)) == 1
    assert [chunk.text[:4] for chunk in chunks("T", large)] == ["T\n\nA", "T\n\nB"]


def test_of_two_chunks_side_by_side_none_could_be_one_and_the_next_repeats_the_last_sentences():
    found = chunks(
        "T", [paragraph(" ".join(f"Sentence number {n} goes here." for n in range(150)))]
    )
    assert len(found) > 2
    for before, after in pairwise(found):
        assert before.tokens + after.tokens - tokens("T") > PROCEDURAL.tokens_max
        repeated = after.text.removeprefix("T\n\n").split(". ")[0]
        assert after.repeated
        assert repeated in before.text


def test_a_sentence_is_cut_only_if_it_alone_is_too_long():
    short, long = prose(5), "word " * 1000 + "end."
    cutting = cut("T", [paragraph(short), paragraph(long)])
    assert cutting.pieces[0].text == short
    assert len(cutting.pieces) > 3
    assert all(
        piece.text == " ".join(["word"] * (len(piece.text) // 5 + 1))
        for piece in cutting.pieces[1:-1]
    )


def test_a_word_without_an_end_is_cut_by_its_characters():
    found = chunks("", [paragraph("ก" * 20_000)])
    assert bare("".join(chunk.text for chunk in found)).count("ก") >= 20_000
    assert all(len(chunk.text) <= PROCEDURAL.tokens_max * CHARS_PER_TOKEN_MAX for chunk in found)


def test_marks_stay_with_their_letter():
    cutting = cut("", [paragraph("e\u0301" * 3000)])
    assert len(cutting.pieces) > 1
    assert all(piece.text.startswith("e") for piece in cutting.pieces)


def test_a_table_stays_whole_if_it_fits_and_repeats_its_first_row_if_not():
    table = "Name | Price\n" + "\n".join(f"Part {n} | {n} Euro" for n in range(20))
    [chunk] = chunks("T", [paragraph(prose(30)), Block(kind="table", text=table)])
    assert table in chunk.text
    long = "Name | Price\n" + "\n".join(f"Part {n} | {n} Euro" for n in range(200))
    found = chunks("T", [Block(kind="table", text=long)])
    assert len(found) > 1
    assert all(chunk.text.startswith("T\n\nName | Price\nPart") for chunk in found)


def test_code_is_cut_at_lines_and_keeps_its_indentation():
    code = "\n\n".join(f"def f{n}():\n    return {n}" for n in range(100))
    found = chunks("T", [Block(kind="code", text=code)])
    assert len(found) > 1
    assert all(line in code.split("\n") for chunk in found for line in chunk.text.split("\n")[2:])
    assert all(piece.text.strip() for piece in cut("T", [Block(kind="code", text=code)]).pieces)
    assert "def f1():\n    return 1\n\ndef f2" in found[0].text


def test_a_heading_goes_with_what_follows_it():
    blocks = [
        paragraph(prose(330)),
        heading(2, "Next"),
        heading(3, "Really"),
        paragraph(prose(330)),
    ]
    assert not any(chunk.text.endswith(("Next", "Really")) for chunk in chunks("T", blocks))


def test_questions_begin_sections_of_an_faq_and_stand_above_long_answers():
    blocks = [
        paragraph("Q: How do I start?"),
        paragraph(prose(200)),
        paragraph("Where is it?"),
        paragraph(prose(600)),
    ]
    first, second, *rest = chunks("Help", blocks, FAQ)
    assert first.text.startswith("Help\n\nQ: How do I start?")
    assert second.text.startswith("Help\n\nWhere is it?")
    assert rest
    assert all(chunk.text.startswith("Help\nWhere is it?\n\n") for chunk in rest)


def test_a_question_and_its_answer_stay_together_beyond_the_target():
    blocks = [paragraph("Why?"), paragraph(prose(340)), paragraph("How?"), paragraph(prose(100))]
    assert [bool(chunk.text.count("?") == 1) for chunk in chunks("", blocks, FAQ)] == [True, True]


def test_a_title_beyond_reason_leaves_room_for_the_text():
    found = chunks(
        "title " * 200, [heading(1, "h " * 90), heading(2, "i " * 90), paragraph(prose(600))]
    )
    assert all(chunk.tokens <= PROCEDURAL.tokens_max for chunk in found)
    assert not any("h h" in chunk.text.split("\n\n")[0] for chunk in found)


@pytest.mark.parametrize("words", range(250, 295, 5))
def test_no_chunk_ends_with_a_heading(words):
    for more in range(480, 600, 5):
        blocks = [paragraph(prose(words)), heading(2, "Next"), paragraph(prose(more))]
        assert not any(chunk.text.endswith("Next") for chunk in chunks("T", blocks))


def test_nothing_makes_no_chunk():
    assert chunks("T", []) == ()
    assert chunks("T", [paragraph(" \n ")]) == ()


@pytest.mark.parametrize(
    ("minimum", "target", "maximum", "overlap", "usable"),
    [
        (1, 2 * PREFIX_PART_TOKENS_MAX + 11, 448, 10, True),
        (1, 2 * PREFIX_PART_TOKENS_MAX + 10, 448, 10, False),
        (300, 300, 300, 0, True),
        (301, 300, 300, 0, False),
        (1, 301, 300, 0, False),
    ],
)
def test_a_policy_without_room_is_refused(minimum, target, maximum, overlap, usable):
    sizes = {
        "tokens_min": minimum,
        "tokens_target": target,
        "tokens_max": maximum,
        "overlap_tokens": overlap,
    }
    if usable:
        assert ChunkPolicy.read(sizes).piece_max == maximum - 2 * PREFIX_PART_TOKENS_MAX
    else:
        with pytest.raises(Permanent, match="tokens_target exceed overlap_tokens by 112"):
            ChunkPolicy.read(sizes)


def test_chunk_ids_tell_repetitions_tenants_and_documents_apart():
    ids = chunk_ids("acme", "d", ["x", "y", "x"])
    assert (
        len({*ids, *chunk_ids("other", "d", ["x", "y", "x"]), *chunk_ids("acme", "e", ["x"])}) == 7
    )
    assert ids == chunk_ids("acme", "d", ["x", "y", "x"])


def test_what_is_repeated_may_be_as_long_as_the_overlap():
    """Each sentence weighs 5, so five of them fill the overlap of 25."""
    policy = ChunkPolicy.read(
        {
            "tokens_min": 1,
            "tokens_target": 150,
            "tokens_max": 160,
            "overlap_tokens": 25,
            "questions": False,
        }
    )
    text = " ".join(f"Stone {n:03} lies there." for n in range(100))
    found = chunks("", [paragraph(text)], policy)
    weight = tokens("Stone 001 lies there.")
    assert 25 % weight == 0
    assert {len(chunk.repeated) for chunk in found[1:]} == {25 // weight}


def test_headings_above_a_chunk_may_fill_their_room():
    name = " ".join(["a"] * (PREFIX_PART_TOKENS_MAX - 1))  # with the mark behind it, all of it
    for text, kept in ((name, True), (f"{name} a", False)):
        found = chunks("", [heading(1, text), paragraph(prose(900))])
        assert len(found) > 1
        assert found[-1].text.startswith(f"{text}\n\n") is kept
