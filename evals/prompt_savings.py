"""Prompt savings: what fitting passages to the token budget leaves out, and whether that is missed.

No model is asked: what matters is whether the right answer still stands in what the prompt holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.answering.generation_policy import policy_of
from agents.composer import Composer
from evals import answer_scores
from evals.bootstrap import mean_of
from evals.given_passages import PassageSource, retrieved
from evals.outcome import SetOutcome
from evals.question_set import QuestionSet
from streams.log.configuration import load


def add_savings(
    outcome: SetOutcome,
    asked: QuestionSet,
    source: PassageSource,
    configurations: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> None:
    """Take in, of each configuration: tokens of the prompt's passages, how many are saved, answers.

    Of answerable questions, the share whose right answer stands in what the prompt holds.
    """
    shipped = load()["generate"].values
    groups = [question.passage for question in asked.questions]
    answerable = [question for question in asked.questions if question.answerable]
    for system, changed in configurations.items():
        policy = policy_of({**shipped, **changed})
        tokens: list[float] = []
        saved: list[float] = []
        held: dict[str, float] = {}
        for question in asked.questions:
            composer = Composer(retrieved(question, source.of(question)), policy)
            tokens.append(composer.chosen_tokens)
            saved.append(composer.spared / max(1, composer.given_tokens))
            text = " ".join(one.text for one in composer.chosen)
            if question.answerable:
                held[question.id] = answer_scores.contains(text, question.answers)
        outcome.add("tokens of passages in the prompt", system, mean_of(tokens, groups, seed))
        outcome.add("share of tokens saved", system, mean_of(saved, groups, seed))
        if answerable:
            their_groups = [question.passage for question in answerable]
            values: Sequence[float] = [held[question.id] for question in answerable]
            outcome.add("prompt holds the answer", system, mean_of(values, their_groups, seed))
