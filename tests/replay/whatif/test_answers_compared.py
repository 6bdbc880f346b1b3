"""Two answers, and two outcomes, are told apart by the first field that says something else."""

from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from replay.recorded import error_of
from replay.whatif.answers_compared import (
    content_difference,
    effect_difference,
    first_field,
    same_content,
)
from replay.whatif.known_plain import KnownPlain
from schemas import Candidate, Embed, Embedded, Found, Generate, Generated, GeneratedToken, Search
from streams.running.run import stamped
from tests.fakes import a_meta
from tests.replay.little_log import asked

SEARCH = Search(text="t", vector=b"", limit=1)
EMBED = Embed(texts=("t",), kind="query")
GENERATE = Generate(prompt="p", max_tokens=9)


def found(dense, position=0):
    one = Candidate(chunk="c", document="d", dense=dense, lexical=0.0, score=dense)
    return Found(candidates=(one,), index="i", position=position)


def part(*texts, **fields):
    tokens = tuple(GeneratedToken(text=text, at_us=len(texts)) for text in texts)
    return Generated(tokens=tokens, model="m", **fields)


def test_the_first_field_is_told_with_both_values():
    told = effect_difference("retrieve", 2, SEARCH, [found(0.5)], [found(0.25)])
    assert (told.field, told.recorded, told.now) == ("candidates[0].dense", "0.5", "0.25")
    assert str(told) == "effect 2 (Search): candidates[0].dense: recorded 0.5, now 0.25"
    assert told.as_json()["step"] == "retrieve"


def test_where_the_index_stands_is_no_difference():
    assert effect_difference("retrieve", 2, SEARCH, [found(0.5, 3)], [found(0.5, 99)]) is None


def test_how_a_stream_was_cut_is_no_difference():
    recorded = [part("The mill"), part(" opens", last=True, finish_reason="stop")]
    now = [part("The"), part(" mill", " opens"), part(last=True, finish_reason="stop")]
    assert effect_difference("generate", 3, GENERATE, recorded, now) is None
    other = [part("The mill shuts", last=True, finish_reason="stop")]
    told = effect_difference("generate", 3, GENERATE, recorded, other)
    assert (told.field, told.now) == ("text", "'The mill shuts'")


def test_an_error_is_compared_by_what_it_says():
    recorded = [error_of("Permanent: too long")]
    assert effect_difference("embed", 1, EMBED, recorded, [Permanent("too long")]) is None
    told = effect_difference("embed", 1, EMBED, recorded, [Transient("away")])
    assert (told.field, told.recorded) == ("", "'Permanent: too long'")
    now = [Embedded(vectors=(), model="m", dimensions=1)]
    assert effect_difference("embed", 1, EMBED, recorded, now).now.startswith("{'vectors'")


def test_outcomes_are_the_same_whoever_came_to_them():
    one = asked(1)
    assert same_content(one, stamped(one, a_meta(request="other")))
    assert content_difference(one, asked(1, session="s-2")) is None  # in meta alone
    path, then, now = content_difference(found(0.5), found(0.75))
    assert (path, then, now) == ("candidates[0].dense", "0.5", "0.75")
    assert content_difference(one, found(0.5)) == ("", "QuestionAsked", "Found")


def test_lists_of_other_lengths_are_told_by_their_lengths():
    assert first_field([1, 2], [1]) == ("", "2 entries", "1 entries")
    assert first_field([], [1]) == ("", "0 entries", "1 entries")
    assert first_field({"a": [1, 2]}, {"a": [3]}) == ("a[0]", "1", "3")


@given(st.recursive(st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)))
def test_nothing_differs_from_itself(value):
    assert first_field(value, value) is None


# ---------------------------------------------------------------------- plain values

NAMES = st.text("abcdefgÄß 佐", min_size=2, max_size=6).filter(str.strip)


@given(NAMES, st.text(max_size=20), st.text(max_size=20))
def test_no_known_value_is_left_in_a_masked_text(value, before, after):
    known = KnownPlain()
    known.learn({value: "<PERSON_1>"})
    text = before + value + after
    assert known.standing_in(text) == ("<PERSON_1>",)
    assert value.casefold() not in known.masked(text).casefold().replace(
        "[person_1 in plain]", "\n"
    )


def test_the_longest_value_is_masked_first_however_it_is_written():
    known = KnownPlain()
    known.learn({"Quist": "<PERSON_2>", "Orla Quist": "<PERSON_1>", "x": "<AGE_1>"})
    assert known.masked("ORLA QUIST and quist, x") == (
        "[PERSON_1 in plain] and [PERSON_2 in plain], x"
    )
    assert known.masked("none of them") == "none of them"
    assert "Orla" not in repr(known)
