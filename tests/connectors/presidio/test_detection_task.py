"""What passes to and from the detector comes out as it went in, in tasks and parts of bounded size."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.presidio.detection_task import (
    PART_SPANS,
    TASK_CHARS,
    detect,
    detection_of,
    detection_part,
    detection_parts,
    detection_task,
    tasks_of,
)
from schemas import Detected, Span, Spans

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SPAN = st.builds(Span, start=st.integers(0, 9), end=st.integers(0, 9), kind=TEXT,
                 score=st.floats(0, 1))  # fmt: skip
FOUND = st.lists(st.lists(SPAN, max_size=3).map(tuple), max_size=5)


class KnownFinder:
    """A fake that finds what it was given, and keeps what it was asked."""

    name = "known"

    def __init__(self, found):
        self.found = found

    def find(self, texts):
        self.asked = texts
        return self.found


@given(st.lists(TEXT, max_size=5), FOUND)
def test_texts_and_spans_come_out_as_they_went_in(texts, found):
    finder = KnownFinder(found)
    parts = list(detect(finder, detection_task(texts)))
    assert finder.asked == tuple(texts)
    spans = tuple(Spans(spans=one) for one in found)
    assert detection_of(list(map(detection_part, parts))) == Detected(texts=spans, model="known")


@given(st.lists(st.integers(0, 3 * PART_SPANS), max_size=6))
def test_a_part_has_so_many_spans_and_those_of_one_text_beyond_them(numbers):
    span = Span(start=0, end=1, kind="PERSON", score=1.0)
    texts = tuple(Spans(spans=(span,) * number) for number in numbers)
    parts = list(detection_parts(Detected(texts=texts, model="m")))
    assert tuple(text for part in parts for text in part.texts) == texts
    for part in parts:
        assert sum(len(text.spans) for text in part.texts[:-1]) < PART_SPANS
    assert len(parts) <= sum(numbers) // PART_SPANS + 1


@given(st.lists(st.integers(0, 2 * TASK_CHARS).map("x".__mul__), max_size=6))
def test_a_task_has_so_many_characters_and_one_text_beyond_them(texts):
    tasks = list(tasks_of(texts))
    assert tasks  # of no texts, too: somebody must tell which model looked
    assert [text for task in tasks for text in task] == texts
    assert all(sum(map(len, task[:-1])) < TASK_CHARS for task in tasks)
    assert len(tasks) <= sum(map(len, texts)) // TASK_CHARS + 1
