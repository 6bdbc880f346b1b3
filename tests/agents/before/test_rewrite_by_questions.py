"""Rewriting as it was done in 0.1.0."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agents
from agents.before.rewrite_by_questions import leans, stand_alone, topics
from schemas import Ask, MapEntry, QuestionRedacted, ReadTurns, Sealed, Turn, Turns
from tests.fakes import NOW_US, FakeEffects, a_meta

CONFIGURATION = json.loads(
    (Path(agents.__file__).parent / "configuration/rewrite.json").read_text()
)


def entry(placeholder, digest="d"):
    sealed = Sealed(key="value/x", event="e", field="f", ciphertext=b"")
    return MapEntry(placeholder=placeholder, kind="PERSON", digest=digest, value=sealed)


def asked(text, **fields):
    values = {"meta": a_meta(), "outcome": "redacted", "subject": "u", "text": text, "ask": Ask()}
    return QuestionRedacted(**{**values, **fields})


async def run(event, *turns):
    fx = FakeEffects("rewrite", event, {ReadTurns: lambda _: Turns(turns=turns)}, CONFIGURATION)
    fx.code = "0.1.0"
    await fx.execute()
    [outcome] = fx.outcomes
    return outcome, fx.asked


def turn(question, *entries):
    return Turn(request="r-0", question=question, answer="", entries=entries)


@pytest.mark.parametrize(
    ("history", "question", "query"),
    [
        (
            ["What is the baggage limit for Lisbon?"],
            "And for Oslo?",
            "And for Oslo (Lisbon, baggage limit)?",
        ),
        (
            ["Who wrote the Bronze Age collapse?"],
            "What were its causes?",
            "What were Bronze Age's causes (collapse)?",
        ),
        (["Are sharks endangered?"], "Why?", "Why (sharks endangered)?"),
        (["Tell me about <PERSON_1>."], "Where does he live?", "Where does <PERSON_1> live?"),
        (["Tell me about bees."], "Are they dying", "Are bees dying"),
        (["Tell me about bees."], "Who keeps those animals?", "Who keeps those animals (bees)?"),
    ],
)
def test_a_question_that_leans_gets_what_the_conversation_is_about(history, question, query):
    assert stand_alone(question, history, CONFIGURATION).query == query


@pytest.mark.parametrize(
    ("history", "question", "reason"),
    [
        ([], "What about it?", "first question"),
        (["What is VAT?"], "Which invoices need a delivery address?", "stands alone"),
        (["What is it?"], "Why?", "nothing to add"),
        (["Tell me about bees."], "Are these bees?", "nothing to add"),
    ],
)
def test_other_questions_stay_as_they_are(history, question, reason):
    wording = stand_alone(question, history, CONFIGURATION)
    assert (wording.query, wording.reason) == (question, reason)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does that apply to refunds over 100 euro?", True),
        ("What about refunds over 100 euro paid by card?", True),
        ("Oslo?", True),
        ("How large may a cabin bag to Oslo be?", False),
    ],
)
def test_pronouns_openers_and_brevity_show_that_a_question_leans(question, expected):
    assert leans(question, CONFIGURATION) is expected


@given(st.lists(st.text(max_size=40), max_size=4), st.text(max_size=40))
def test_any_text_is_rewritten_the_same_way_twice_and_no_word_is_invented(history, question):
    first = stand_alone(question, history, CONFIGURATION)
    assert first == stand_alone(question, history, CONFIGURATION)
    known = "".join([*history, question]) + "'s (),"
    assert set(first.query) <= set(known)


async def test_the_turns_before_the_question_are_read_and_used():
    outcome, effects = await run(asked("What do they eat?"), turn("Tell me about tiger sharks."))
    assert effects == [ReadTurns(limit=CONFIGURATION["turns"])]
    assert (outcome.outcome, outcome.reason, outcome.turns) == ("rewritten", "", 1)
    assert outcome.query == "What do tiger sharks eat?"
    assert (outcome.question, outcome.wordings) == ("What do they eat?", (outcome.query,))


async def test_a_question_that_stands_alone_says_why_it_was_left():
    outcome, _ = await run(asked("How large may a cabin bag to Oslo be?"), turn("What is VAT?"))
    assert (outcome.outcome, outcome.reason) == ("unchanged", "stands alone")
    assert outcome.query == outcome.question == "How large may a cabin bag to Oslo be?"


async def test_entries_of_placeholders_that_the_query_took_from_turns_come_along():
    mine, theirs, unused = entry("<PERSON_2>"), entry("<PERSON_1>"), entry("<PERSON_3>")
    outcome, _ = await run(
        asked("Did he meet <PERSON_2> in Oslo?", entries=(mine,)),
        turn("Who is <PERSON_1>?", theirs, unused),
    )
    assert "<PERSON_1>" in outcome.query
    assert outcome.entries == (mine, theirs)


async def test_the_newest_entry_of_a_placeholder_counts():
    old, new = entry("<PERSON_1>", "old"), entry("<PERSON_1>", "new")
    outcome, _ = await run(
        asked("Why him?"), turn("Who is <PERSON_1>?", old), turn("Where is <PERSON_1>?", new)
    )
    assert outcome.entries == (new,)


async def test_a_refused_question_passes_through_without_effects():
    outcome, effects = await run(asked("", outcome="refused", reason="not that"))
    assert (outcome.outcome, outcome.reason, effects) == ("refused", "not that", [])


async def test_a_late_question_is_left_unchanged_and_says_so():
    reserve = CONFIGURATION["reserve_ms"] * 1000
    late = asked("Why?", ask=Ask(deadline=NOW_US + reserve - 1))
    outcome, effects = await run(late, turn("What is VAT?"))
    assert (outcome.outcome, outcome.degraded, effects) == ("unchanged", ("rewrite",), [])
    outcome, effects = await run(asked("Why?", ask=Ask(deadline=NOW_US + reserve)))
    assert (len(effects), outcome.degraded) == (1, ())


def test_of_equally_salient_topics_the_first_by_name_comes_first():
    history = ["Tell me about wasps, bees and ants."]
    assert topics("Why?", history, CONFIGURATION) == ["ants", "bees", "wasps"]


@pytest.mark.parametrize(
    ("history", "first"),
    [
        (["What is vat?", "What is duty?", "And customs?"], "customs"),  # recent
        (["What is duty?", "What is vat?", "What is vat?"], "vat"),  # often
        (["What is vat?", "What is Bergen?"], "Bergen"),  # a name
        (["Tell me about vat, zebra crossings."], "zebra crossings"),  # in more words,
    ],
)
def test_what_was_named_lately_often_or_by_name_is_salient(history, first):
    assert topics("Why?", history, CONFIGURATION)[0] == first


def test_a_topic_that_the_question_names_is_left_out_and_spelt_as_last_time():
    history = ["Tell me about bees and Wasps.", "Tell me about wasps."]
    assert topics("Do bees sting?", history, CONFIGURATION) == ["wasps"]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("What is her name?", "What is Ann's name?"),
        ("Who saw her?", "Who saw Ann?"),
        ("Who saw it?", "Who saw Ann?"),
        ("Is that true?", "Is that true (Ann)?"),  # a determiner has a noun of its own
        ("Is this?", "Is Ann?"),
        ("What are its parts!", "What are Ann's parts!"),
    ],
)
def test_the_first_pronoun_gives_way_to_the_noun(question, query):
    assert stand_alone(question, ["Who is Ann?"], CONFIGURATION).query == query


def test_a_plural_has_its_possessive():
    assert stand_alone("What is their food?", ["Tell me about bees."], CONFIGURATION).query == (
        "What is bees' food?"
    )


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("And Oslo", "And Oslo (Ann)"),
        ("And Oslo ?  ", "And Oslo (Ann)?"),
        ("And Oslo...", "And Oslo.. (Ann)."),
    ],
)
def test_what_is_appended_stands_before_the_mark_at_the_end(question, query):
    assert stand_alone(question, ["Who is Ann?"], CONFIGURATION).query == query


def test_a_conversation_of_endless_phrases_has_questions_that_do_not_grow():
    history = []
    for turn in range(30):
        words = [" ".join(f"{side}{turn}x{n}" for n in range(200)) for side in "ab"]
        history.append(stand_alone(f"{words[0]} it {words[1]}", history[-6:], CONFIGURATION).query)
    assert len(history[-1]) < len(history[0]) + 2 * CONFIGURATION["topic_characters_max"]
    before = {
        name: value for name, value in CONFIGURATION.items() if name != "topic_characters_max"
    }
    assert len(stand_alone("Why is it?", history[:1], before).query) > len(history[0]) // 3
