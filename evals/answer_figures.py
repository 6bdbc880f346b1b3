"""Answers to a question set, by whichever way they came, and what they are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals import answer_scores
from evals.bootstrap import mean_of
from evals.data_sets import EvalRow
from evals.outcome import OURS, SetOutcome
from evals.question_set import QuestionSet, SetQuestion

ABSTAINED = ("not_found", "refused", "small_talk")
"""Reasons to finish with which no answer was given."""


@dataclass(frozen=True)
class CitedQuote:
    """A passage that an answer cites, and what it quotes of it."""

    passage: str
    """Id in the set, empty where the set has no such passage."""
    quote: str


@dataclass(frozen=True)
class GivenAnswer:
    """What one system said to one question."""

    text: str
    finish_reason: str
    cited: tuple[CitedQuote, ...] = ()
    spared: int | None = None
    """Tokens of the passages that its model did without; None where none was asked."""

    @property
    def abstained(self) -> bool:
        """Whether it was said that there is no answer, or nothing."""
        return self.finish_reason in ABSTAINED or not self.text.strip()

    def as_json(self, question: str) -> dict[str, object]:
        """Return the answer as a row of a file."""
        return {
            "id": question,
            "answer": self.text,
            "finish_reason": self.finish_reason,
            "cited": [[one.passage, one.quote] for one in self.cited],
        }


def given_answer(row: EvalRow) -> GivenAnswer:
    """Read an answer back; raises BadData."""
    cited = row.values.get("cited")
    if not isinstance(cited, list) or not all(
        isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)
        for one in cited
    ):
        raise row.bad("'cited' must be a list of [passage, quote]; remove the file to ask anew")
    return GivenAnswer(
        row.text("answer"),
        row.text("finish_reason"),
        tuple(CitedQuote(passage, quote) for passage, quote in cited),
    )


def answer_outcome(
    asked: QuestionSet, by_system: Mapping[str, Mapping[str, GivenAnswer]], seed: int
) -> SetOutcome:
    """Say what the answers of each system, by question id, are worth."""
    outcome = SetOutcome(asked.name, len(asked.questions))
    outcome.counts["answerable"] = sum(question.answerable for question in asked.questions)
    outcome.counts["unanswerable"] = sum(not question.answerable for question in asked.questions)
    if disputed := sum(question.disputed for question in asked.questions):
        outcome.counts["disputed"] = disputed
    ours = by_system.get(OURS, {})
    outcome.counts.update(Counter(f"finished: {one.finish_reason}" for one in ours.values()))
    for system, answers in by_system.items():
        pairs = [(question, answers[question.id]) for question in asked.questions]
        _add_answered(outcome, system, [pair for pair in pairs if pair[0].answerable], seed)
        _add_abstained(outcome, system, [pair for pair in pairs if not pair[0].answerable], seed)
    return outcome


Pairs = Sequence[tuple[SetQuestion, GivenAnswer]]


def _add_answered(outcome: SetOutcome, system: str, pairs: Pairs, seed: int) -> None:
    """Take in figures of the questions that have an answer; an abstention scores 0."""
    groups = [question.passage for question, _ in pairs]

    def add(name: str, values: Sequence[float | None]) -> None:
        kept = [(v, g) for v, g in zip(values, groups, strict=True) if v is not None]
        if kept:
            numbers, their_groups = zip(*kept, strict=True)
            outcome.add(name, system, mean_of(numbers, their_groups, seed))

    said = ["" if answer.abstained else answer.text for _, answer in pairs]
    right = [question.answers for question, _ in pairs]
    for name, score in (
        ("contains", answer_scores.contains),
        ("F1", answer_scores.f1),
        ("exact", answer_scores.exact),
        ("number match", answer_scores.number_match),
    ):
        add(name, [score(one, answers) for one, answers in zip(said, right, strict=True)])
    add("tokens that a model did without", [answer.spared for _, answer in pairs])
    add("abstained, answerable", [float(answer.abstained) for _, answer in pairs])
    cites = [(question, answer) for question, answer in pairs if not answer.abstained]
    if any(answer.cited for _, answer in cites):
        by_id = {question.id: (question, answer) for question, answer in cites}
        of = [by_id.get(question.id) for question, _ in pairs]
        add("cites its passage", [None if one is None else _cites(*one) for one in of])
        add("quote holds the answer", [None if one is None else _quotes(*one) for one in of])


def _cites(question: SetQuestion, answer: GivenAnswer) -> float:
    return float(any(one.passage == question.passage for one in answer.cited))


def _quotes(question: SetQuestion, answer: GivenAnswer) -> float:
    quotes = [one.quote for one in answer.cited if one.passage == question.passage]
    return float(any(answer_scores.contains(quote, question.answers) for quote in quotes))


def _add_abstained(outcome: SetOutcome, system: str, pairs: Pairs, seed: int) -> None:
    """Take in how often it is said that there is no answer, where there is none."""
    if pairs:
        values = [float(answer.abstained) for _, answer in pairs]
        groups = [question.passage for question, _ in pairs]
        outcome.add("abstained, unanswerable", system, mean_of(values, groups, seed))
