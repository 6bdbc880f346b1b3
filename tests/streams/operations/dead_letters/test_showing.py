"""What is shown of a dead letter: nothing that a person said."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas import Ask, QueryRewritten
from streams.operations.dead_letters.showing import (
    IDENTIFIERS,
    details,
    lines_of,
    original,
    shortened,
    shown,
    table_of,
)
from tests.fakes import a_codec, a_meta
from tests.streams.operations.dead_letters.samples import ASKED, a_letter

SECRET = "Beatriz Almeida"


def test_sealed_fields_stay_sealed():
    fields = original(a_codec(), a_letter().event)["fields"]
    assert fields["text"] == {
        "sealed": {
            "key": "user/u",
            "event": "e",
            "field": "text",
            "ciphertext": "40 bytes",
            "claim": "",
        }
    }
    assert fields["meta"]["tenant"] == "acme"


def test_texts_are_told_by_their_length_alone():
    rewritten = QueryRewritten(
        meta=a_meta(),
        outcome="rewritten",
        subject="u",
        question=SECRET,
        query=SECRET,
        wordings=(SECRET, "two"),
        ask=Ask(filters={"author": SECRET}),
    )
    told = original(a_codec(), a_letter(value=a_codec().encode(rewritten)).event)
    assert SECRET not in json.dumps(told)
    assert told["fields"]["query"] == "15 characters"
    assert told["fields"]["wordings"] == ["15 characters", "3 characters"]
    assert told["fields"]["outcome"] == "rewritten"


def test_a_field_that_nobody_knows_is_not_shown():
    assert "nickname" not in IDENTIFIERS
    assert shown("", {"nickname": SECRET, "id": "i", "n": 3, "b": b"xy"}) == {
        "nickname": "15 characters",
        "id": "i",
        "n": 3,
        "b": "2 bytes",
    }


def test_undecodable_bytes_are_not_shown():
    told = details(a_codec(), a_letter(value=SECRET.encode(), key=SECRET.encode()))
    assert told["original"]["size_bytes"] == 15
    assert "magic byte" in told["original"]["unreadable"]
    assert SECRET not in json.dumps(told)


def test_everything_else_of_a_letter_is_told():
    told = details(a_codec(), a_letter(7))
    assert told["traceback"] == "redact.py:1 redact"
    assert told["cause"] == {"topic": ASKED, "partition": 0, "offset": 7, "id": "cause-7"}
    assert [effect["kind"] for effect in told["effects"]] == ["Begin"]
    assert told["original"]["record"] == "QuestionAsked"
    assert told["key"] == "acme"


def words(*, least=0):
    text = st.text("abc ", min_size=least, max_size=9)
    return st.recursive(
        text, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("xyz"), inner)
    )


@given(words())
def test_no_text_of_an_unknown_field_comes_through_however_deep_it_lies(datum):
    def texts(value):
        if isinstance(value, dict):
            return [text for entry in value.values() for text in texts(entry)]
        if isinstance(value, list):
            return [text for entry in value for text in texts(entry)]
        return [value]

    told = texts(shown("nickname", datum))
    assert told == [f"{len(text)} characters" if text else "" for text in texts(datum)]


# ---------------------------------------------------------------------- on a terminal


@pytest.mark.parametrize(
    ("lines", "left_out"), [(0, 0), (1, 0), (15, 0), (16, 0), (17, 2), (600, 585)]
)
def test_a_long_traceback_is_cut_in_its_middle(lines, left_out):
    every = [f"module:{number} in step" for number in range(lines)]
    told = shortened(every)
    if not left_out:
        assert told == every
    else:
        assert told[:3] == every[:3]
        assert told[3] == f"… {left_out} more lines: --json has them all"
        assert told[4:] == every[-12:]


def test_what_is_empty_takes_no_line_and_the_rest_one_each():
    letter = a_letter(7, traceback="a:1 in b\nc:2 in d")
    letter.copies = [9, 12]
    lines = lines_of(details(a_codec(), letter))
    assert "step: redact" in lines
    assert not any(line.startswith("trace:") for line in lines)
    assert f"  topic {ASKED}, partition 0, offset 12" in lines
    assert lines[-3:] == ["traceback:", "  a:1 in b", "  c:2 in d"]


def test_a_letter_without_a_traceback_ends_with_its_original():
    lines = lines_of(details(a_codec(), a_letter(7, traceback="")))
    assert "traceback:" not in lines
    assert lines[-1] == "  }"


def test_a_row_shows_a_short_id_and_brackets_as_they_are():
    letter = a_letter(7, message="at [red]x[/red][3]@7", meta=a_meta(tenant="", id="i" * 36))
    text = io.StringIO()
    Console(file=text, width=200).print(table_of([letter]))
    row = text.getvalue().splitlines()[1]
    assert "i" * 13 + " " in row
    assert "at [red]x[/red][3]@7" in row
    assert row.rstrip().endswith("no")
