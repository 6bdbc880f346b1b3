"""Each function of a step that takes a text is driven by one of the pieces whose work is measured beside this."""

from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest

from agents import moderate, patterns, refusal
from agents.conversation import small_talk
from agents.conversation.grammars import CLOSEST, FOLLOWING, SHARPENED, WITHOUT_TABLES
from agents.conversation.languages import GRAMMARS
from tests.agents.hostile import FAMILIES, functions_of_steps, functions_run
from tests.agents.work import (
    test_checking_work,
    test_generate_before_work,
    test_generate_work,
    test_ingest_work,
    test_moderate_work,
    test_redact_work,
    test_retrieve_work,
    test_rewrite_work,
    test_statements_work,
)
from tests.agents.work.growth import forget

MEASURED = (
    test_rewrite_work,
    test_redact_work,
    test_retrieve_work,
    test_generate_work,
    test_statements_work,
    test_generate_before_work,
    test_moderate_work,
    test_ingest_work,
    test_checking_work,
)
NOT_DRIVEN = {
    "candidates.py": "lists of candidates have a bound: `candidates` and `reranked` of the configuration",
    "scoring.py": "likewise",
    "retrieve.py _limited": "likewise",
    "retrieve.py _generation": "reads the configuration alone",
    "retrieve.py _index_of": "likewise",
    "retrieve.py _shown": "likewise",
    "embed.py": "goes through the chunks of a batch once",
    "generate.py _fixed": "looks at fields alone",
    "generate.py _composer": "looks at the code of a record alone",
    "languages.py _tables": "is given our own words alone",
    "generate.py _composed": "likewise",
    "composer.py Composer._late": "likewise",
    "composer.py hold_to_schema": "likewise",
    "refusal.py refused_for": "is given scores alone",
    "asking_rules.py": "a policy is bounded by policy_text before it is parsed, and read once",
    "contradictions.py": "likewise",
    "deciding.py": "likewise",
    "placed_faults.py": "likewise",
    "policy_entities.py": "likewise",
    "policy_in_force.py": "likewise",
    "policy_text.py": "likewise",
    "processing_place.py": "likewise",
    "read_gate.py": "likewise",
    "rule_book.py": "likewise",
    "rule_mentions.py": "likewise",
    "send_gate.py": "likewise",
    "told_rulings.py": "likewise",
    "foreign_texts.py reported_by": "is given the languages of a detector's answer",
    "choosing.py": "is given routes, which are ours, and facts about them",
    "permission.py": "likewise",
    "hedging.py": "likewise",
    "router.py": "likewise",
    "routes.py": "likewise",
    "trials.py": "likewise",
    "openapi.py": "reads a tenant's description, which is configuration",
    "tool_policy.py": "likewise",
    "toolbox.py": "calls and what comes of them have bounds (`ToolLimits`); texts go on to `tool_results`",
    "tool_turns.py": "likewise",
    "calculating.py arithmetic_of": "what it calls is driven",
    "calculating.py used": "likewise",
    "composer.py Composer._spoken": "likewise",
    "composer.py Composer._stopped": "likewise",
    "composer.py Composer.without_answer": "likewise",
    "generate.py is_open": "looks at fields alone",
    "instructions.py _by_word": "is given our own patterns alone",
    "units.py _exact": "is given our own table alone",
    "structured.py": "counts its own work, and stops (tests/agents/test_structured.py)",
    "spoken_answers.py Reply.over": "likewise",
    "speaking.py ModelReply.over": "likewise",
    "speaking.py ModelReply.finish_reason": "likewise",
    "speaking.py Speech.due": "is a protocol's",
    "speaking.py Speech.closing": "likewise",
    "speaking.py Speech.stands": "likewise",
    "prompting.py Chosen.passage": "likewise",
    "prompting.py Chosen.text": "likewise",
    "ingest.py Submission.repeats": "likewise",
    "ingest.py _pieces_max": "no text comes in",
    "ingest.py _check_tokens": "likewise",
    "moderate.py _close": "what it calls is driven",
    "spoken_answers.py SpokenAnswer._generated": "likewise",
    "generation_policy.py": "reads a configuration, which is ours",
    "usability.py": "likewise",
    "arms.py": "likewise",
    "personal_lists.py": "likewise",
    "document_languages.py": "is given languages alone",
    "redact.py with_languages": "likewise",
    "distilling.py schema_of": "is given a number",
    "distilling.py tokens_of": "likewise",
    "phrases.py word_set": "is given our own words alone",
    "opposites.py _contraries": "likewise",
    "polar_words.py _listed": "likewise",
    "polar_words.py _by_form": "likewise",
    "errors.py": "no text comes in",
    "effects.py": "likewise",
    "changes.py": "likewise: it compares versions of the code",
}
"""Files and functions that no text drives, and why."""


@pytest.mark.slow  # each call is noted
def test_each_function_that_takes_a_text_is_driven():
    for compiled in (patterns._rules, refusal._any_of, moderate._term, small_talk._tables):
        compiled.cache_clear()
    tables = (GRAMMARS, SHARPENED, CLOSEST, FOLLOWING, WITHOUT_TABLES)
    for grammar in (one for grammars in tables for one in grammars.values()):
        for computed in vars(grammar).keys() - {field.name for field in fields(grammar)}:
            del vars(grammar)[computed]
    driven = set()
    for piece in (piece for module in MEASURED for piece in module.PIECES.values()):
        for family in (
            "other sentences",
            "other placeholders",
            "short words",
            "swear words",
            "marks",
            "lines",
            "dates",
            "days and hours",
            "numbers and units",
            "other polar words",
            "questions of numbers",
            "numerals",
            "all layouts",
        ):
            forget()
            driven |= functions_run(partial(piece, FAMILIES[family](2_000)))
    left = {(Path(file).name, name) for file, name in functions_of_steps() - driven}
    assert {f"{file} {name}" for file, name in left if file not in NOT_DRIVEN} == {
        name for name in NOT_DRIVEN if " " in name
    }
