"""What passes to and from the detector comes out as it went in, in tasks and parts of bounded size."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.presidio.detection_task import (
    PART_SPANS,
    SHORT_TASK_CHARS,
    TextPiece,
    detect,
    detection_of,
    detection_part,
    detection_parts,
    detection_task,
    is_long,
    tasks_of,
    unsupported_languages,
)
from connectors.presidio.stretches import PIECE_CHARACTERS, pieces
from schemas import Detected, Span, Spans

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SPAN = st.builds(Span, start=st.integers(0, 9), end=st.integers(0, 9), kind=TEXT,
                 score=st.floats(0, 1))  # fmt: skip


class KnownFinder:
    """A fake that finds what it was given, and keeps what it was asked."""

    name = "known"
    languages = frozenset({"en"})

    def __init__(self, found):
        self.found = found

    def find(self, texts):
        self.asked = texts
        return self.found


@given(st.lists(st.tuples(TEXT, st.lists(SPAN, max_size=3).map(tuple)), max_size=5))
def test_texts_and_spans_come_out_as_they_went_in(texts_found):
    finder = KnownFinder([found for _, found in texts_found])
    asked = [TextPiece(number, 0, text) for number, (text, _) in enumerate(texts_found)]
    parts = list(map(detection_part, detect(finder, detection_task(asked))))
    assert finder.asked == tuple(text for text, _ in texts_found)
    assert [text.spans for part in parts for text in part.texts] == finder.found
    assert {part.model for part in parts} == {"known"}


@given(st.lists(st.integers(0, 3 * PART_SPANS), max_size=6))
def test_a_part_has_so_many_spans_and_those_of_one_text_beyond_them(numbers):
    span = Span(start=0, end=1, kind="PERSON", score=1.0)
    texts = tuple(Spans(spans=(span,) * number) for number in numbers)
    parts = list(detection_parts(Detected(texts=texts, model="m")))
    assert tuple(text for part in parts for text in part.texts) == texts
    for part in parts:
        assert sum(len(text.spans) for text in part.texts[:-1]) < PART_SPANS
    assert len(parts) <= sum(numbers) // PART_SPANS + 1


LONG = st.builds(
    lambda words, times: (" ".join(words) * times)[:40_000],
    st.lists(st.text("ab$_.", max_size=9), max_size=5), st.integers(0, 20_000),
)  # fmt: skip


@given(st.lists(LONG, max_size=4), st.sampled_from([SHORT_TASK_CHARS, 3 * PIECE_CHARACTERS]))
def test_no_task_has_more_characters_than_it_may_and_all_have_the_detectors_own_pieces(texts, most):
    tasks = list(tasks_of(texts, most))
    assert tasks  # of no texts, too: somebody must tell which model looked
    for task in tasks:
        chars = sum(len(piece.characters) for piece in task)
        assert chars <= most or len(task) == 1
        assert is_long(task) == (chars > SHORT_TASK_CHARS)
    whole = [(n, at, piece) for n, text in enumerate(texts) for at, piece in pieces(text)]
    assert [tuple(piece) for task in tasks for piece in task] == whole
    assert all(list(pieces(piece)) in ([], [(0, piece)]) for _, _, piece in whole)
    assert all(sum(map(len, (p.characters for p in [*a, b[0]]))) > most
               for a, b in itertools.pairwise(tasks))  # fmt: skip


GERMAN = "Wie viele Tage Urlaub haben wir denn im Jahr?"
FRENCH = "Combien de jours de congé avons-nous dans une année ?"


@pytest.mark.parametrize(
    ("texts", "languages"),
    [
        (("How many days of leave do we have in a year?",), ()),
        ((GERMAN, FRENCH, GERMAN), ("de", "fr")),
        (("従業員の有給休暇は年に何日あるのか教えてください。",), ("ja",)),
        (
            ("The keys of the house are with 山田太郎 and Αγγελος, who live in the same street.",),
            (),
        ),
        (("Hallo", "", "4711 0815", "xyzzy plugh frotz gnusto rezrov blorb"), ()),
    ],
)
def test_languages_whose_names_no_model_knows_are_told(texts, languages):
    assert unsupported_languages(texts, frozenset({"en"})) == languages


def test_a_language_that_a_model_knows_is_not_told():
    assert unsupported_languages((GERMAN, FRENCH), frozenset({"en", "de"})) == ("fr",)


def test_languages_of_all_pieces_are_told_once_with_what_was_found():
    finder = KnownFinder([(), (), ()])
    asked = [TextPiece(0, 0, GERMAN), TextPiece(0, 40, FRENCH), TextPiece(1, 0, GERMAN)]
    parts = [
        detection_part(body)
        for piece in asked
        for body in detect(KnownFinder([()]), detection_task([piece]))
    ]
    assert detection_of(2, asked, parts).languages_unsupported == ("de", "fr")
    [part] = map(detection_part, detect(finder, detection_task(asked)))
    assert part.languages_unsupported == ("de", "fr")


def test_what_two_pieces_of_a_text_tell_is_told_of_the_text_once_and_in_order():
    asked = [TextPiece(1, 0, "x" * 30), TextPiece(1, 20, "x" * 30), TextPiece(2, 0, "x")]
    found = [(Span(start=22, end=29, kind="PERSON", score=0.5),),
             (Span(start=8, end=9, kind="URL", score=0.6),
              Span(start=2, end=9, kind="PERSON", score=0.85)), ()]  # fmt: skip
    parts = [Detected(texts=(Spans(spans=one),), model="m") for one in found]
    detected = detection_of(4, asked, parts)
    assert [text.spans for text in detected.texts] == [
        (),
        (
            Span(start=22, end=29, kind="PERSON", score=0.85),
            Span(start=28, end=29, kind="URL", score=0.6),
        ),
        (),
        (),
    ]
