"""The rewrite step."""

import json
from pathlib import Path

import pytest

import agents
from schemas import (
    Ask,
    MapEntry,
    QuestionRedacted,
    ReadTurns,
    Sealed,
    SessionSummary,
    SummaryTopic,
    Turn,
    Turns,
)
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


async def run(event, *turns, code="test", summary=None, **configured):
    values = {**CONFIGURATION, **configured}
    answers = {ReadTurns: lambda _: Turns(turns=turns, summary=summary)}
    fx = FakeEffects("rewrite", event, answers, values)
    fx.code = code
    await fx.execute()
    [outcome] = fx.outcomes
    return outcome, fx.asked


def turn(question, answer="", *entries):
    return Turn(request="r-0", question=question, answer=answer, entries=entries)


async def test_the_turns_before_the_question_are_read_and_used():
    outcome, effects = await run(asked("What do they eat?"), turn("Tell me about tiger sharks."))
    assert effects == [ReadTurns(limit=CONFIGURATION["turns"])]
    assert (outcome.outcome, outcome.reason, outcome.turns) == ("rewritten", "", 1)
    assert outcome.query == "What do tiger sharks eat?"
    assert (outcome.question, outcome.wordings) == ("What do they eat?", (outcome.query,))


async def test_what_an_answer_named_is_taken_over_with_its_entry():
    officer = turn("Who is on duty?", "The officer is <PERSON_1>.", entry("<PERSON_1>"))
    outcome, _ = await run(asked("How can I reach her?"), officer)
    assert outcome.query == "How can I reach <PERSON_1>?"
    assert [one.placeholder for one in outcome.entries] == ["<PERSON_1>"]


async def test_what_was_talked_of_before_the_turns_that_are_read_is_recalled_with_its_entry():
    topic = SummaryTopic(text="boat permit of <PERSON_1>", turns=2, last=2)
    summary = SessionSummary(turns=9, topics=(topic,), entries=(entry("<PERSON_1>"),))
    said = turn("When is the tide low?", "At noon.")
    outcome, _ = await run(asked("What does the permit cost?"), said, summary=summary)
    assert outcome.query == "What does the permit cost (boat permit of <PERSON_1>)?"
    assert (outcome.outcome, outcome.reason, outcome.turns) == ("rewritten", "", 1)
    assert [one.placeholder for one in outcome.entries] == ["<PERSON_1>"]
    before, _ = await run(asked("What does the permit cost?"), said)
    assert before.query != outcome.query
    plain, _ = await run(asked("When is the tide low?"), said, summary=summary)
    assert (plain.query, plain.reason) == ("When is the tide low?", "stands alone")


async def test_code_of_0_1_0_reads_no_answer_and_knows_no_small_talk():
    officer = turn("Who is on duty?", "The officer is <PERSON_1>.", entry("<PERSON_1>"))
    outcome, _ = await run(asked("How can I reach her?"), officer, code="0.1.0")
    assert (outcome.query, outcome.language) == ("How can I reach duty?", "")
    outcome, _ = await run(asked("Thanks!"), code="0.1.0")
    assert outcome.outcome == "unchanged"


async def test_code_of_before_took_a_capital_for_a_name():
    said = turn("What is timeout?", "Mandatory arguments to long options are mandatory.")
    outcome, _ = await run(asked("What does it do?"), said)
    assert outcome.query == "What does timeout do?"
    before, _ = await run(asked("What does it do?"), said, code="0.2.0.dev5")
    assert before.query.startswith("What does Mandatory do")


async def test_code_of_before_left_a_short_question_as_it_was():
    said = turn("How are biodegradable plastics made?")
    outcome, _ = await run(asked("How is corn oil used?"), said)
    assert outcome.query == "How is corn oil used (biodegradable plastics)?"
    before, _ = await run(asked("How is corn oil used?"), said, code="0.2.0.dev6")
    assert (before.query, before.reason) == ("How is corn oil used?", "stands alone")


async def test_a_configuration_of_0_1_0_will_do():
    old = {"turns": 6, "reserve_ms": 300, "short_words": 2, "decay": 0.5, "opening": 0.5}
    event = asked("What do they eat?")
    fx = FakeEffects(
        "rewrite",
        event,
        {ReadTurns: lambda _: Turns(turns=(turn("Tell me about bees."),))},
        {**old, "name": 1.5, "topics": 2},
    )
    await fx.execute()
    assert fx.outcomes[0].query == "What do bees eat?"


async def test_a_question_that_stands_alone_says_why_it_was_left():
    outcome, _ = await run(asked("How large may a cabin bag to Oslo be?"), turn("What is VAT?"))
    assert (outcome.outcome, outcome.reason) == ("unchanged", "stands alone")
    assert outcome.query == outcome.question == "How large may a cabin bag to Oslo be?"


async def test_entries_of_placeholders_that_the_query_took_from_turns_come_along():
    mine, theirs, unused = entry("<PERSON_2>"), entry("<PERSON_1>"), entry("<PERSON_3>")
    outcome, _ = await run(
        asked("Did he meet <PERSON_2> in Oslo?", entries=(mine,)),
        turn("Who is <PERSON_1>?", "", theirs, unused),
    )
    assert "<PERSON_1>" in outcome.query
    assert outcome.entries == (mine, theirs)


async def test_the_newest_entry_of_a_placeholder_counts():
    old, new = entry("<PERSON_1>", "old"), entry("<PERSON_1>", "new")
    outcome, _ = await run(
        asked("Is he there?"),
        turn("Who is <PERSON_1>?", "", old),
        turn("Where is <PERSON_1>?", "", new),
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


@pytest.mark.parametrize(
    ("text", "kind", "language"),
    [
        ("Hello there!", "greeting", "en"),
        ("Vielen Dank!", "thanks", "de"),
        ("你好", "greeting", "zh"),
    ],
)
async def test_small_talk_is_told_by_kind_and_language_without_effects(text, kind, language):
    outcome, effects = await run(asked(text), turn("What is VAT?"))
    assert (outcome.outcome, outcome.reason, outcome.language) == ("small_talk", kind, language)
    assert effects == []


@pytest.mark.parametrize(("before", "language"), [("Wann kommt der Bus?", "de"), ("When?", "en")])
async def test_small_talk_of_several_languages_is_in_that_of_the_conversation(before, language):
    outcome, _ = await run(asked("Super!"), turn(before), turn("VAT?"))
    assert (outcome.reason, outcome.language, outcome.turns) == ("praise", language, 2)


async def test_late_small_talk_is_small_talk():
    outcome, effects = await run(asked("OK!", ask=Ask(deadline=NOW_US)))
    assert (outcome.outcome, outcome.degraded, effects) == ("small_talk", ("rewrite",), [])


@pytest.mark.parametrize("ask", [Ask(mode="search"), Ask(response_schema='{"type": "object"}')])
async def test_a_search_and_a_structured_answer_are_no_small_talk(ask):
    outcome, _ = await run(asked("Thanks!", ask=ask))
    assert outcome.outcome == "unchanged"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Wann kommt der Bus?", "de"), ("Oslo?", "es"), ("When does it leave?", "en")],
)
async def test_the_language_is_that_of_the_question_or_else_of_the_conversation(text, language):
    outcome, _ = await run(asked(text), turn("¿Cuándo sale el autobús?"), turn("Bergen?"))
    assert outcome.language == language
