"""Writer: what of an answer may be written, and how its batches are numbered."""

from hypothesis import given
from hypothesis import strategies as st

from agents.writer import AnswerWriter
from schemas import Answer, Ask, ChunksRetrieved, MapEntry, Sealed, Usage
from tests.fakes import a_meta

ENTRY = MapEntry(
    placeholder="<PERSON_1>",
    kind="PERSON",
    digest="d",
    value=Sealed(key="k", event="e", field="f", ciphertext=b"x"),
)
EVENT = ChunksRetrieved(
    meta=a_meta(), outcome="retrieved", subject="u", question="q", query="q", ask=Ask(max_tokens=7)
)
ANSWER = Answer(text="", finish_reason="stop", question="q", query="q", usage=Usage())


def written(*texts):
    writer = AnswerWriter(EVENT, ())
    parts = []
    for text in texts:
        writer.add(text)
        parts.append(writer.due())
    return [*parts, writer.due(final=True)], writer


def test_a_number_or_name_waits_until_it_is_whole():
    parts, _ = written("The fee is 1", ",200", " euros for Os", "lo.")
    assert parts == ["The fee is", "", " 1,200 euros for", "", " Oslo."]


def test_a_quotation_mark_that_was_written_is_not_written_again():
    parts, writer = written('He said "', "Oslo", '" now')
    assert "".join(parts) == writer.text == 'He said "Oslo" now'


def test_blanks_begin_no_answer_and_end_none():
    parts, writer = written("  \n", " yes ", " ")
    assert parts == ["", "yes", "", ""]
    assert writer.text == "yes"


@given(st.lists(st.text('aA1 .("\n', max_size=6), max_size=8))
def test_the_parts_are_the_text_however_it_comes(texts):
    parts, writer = written(*texts)
    assert "".join(parts) == writer.text == "".join(texts).strip()


def test_batches_are_numbered_and_the_one_with_the_answer_is_the_last():
    writer = AnswerWriter(EVENT, (ENTRY,))
    first, last = writer.batch("a", (1, 2)), writer.batch("b", answer=ANSWER)
    assert [(one.batch.number, one.batch.last) for one in (first, last)] == [(0, False), (1, True)]
    assert (first.entries, last.entries) == ((ENTRY,), ())
    assert (first.times, first.text, first.ask, first.subject) == ((1, 2), "a", EVENT.ask, "u")


def test_an_answer_that_is_begun_anew_is_a_restart_only_once_something_was_written():
    writer = AnswerWriter(EVENT, ())
    writer.add("one")
    assert not writer.restart()
    assert writer.text == ""
    writer.add("two")
    assert writer.due() == "two"
    writer.batch("two")
    assert writer.restart()
    writer.add("three")
    assert writer.due() == "three"
