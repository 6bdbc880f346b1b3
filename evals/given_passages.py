"""Answers from passages that are given: the step `generate` without an index, as fast as it goes.

Each question gets the passage that it was asked of among the passages of the set that are nearest
to it by keywords, in that order. So a change of how answers are made shows within a minute, with no
component running. Models are asked only where connectors to them are given; without them each
answer is a quotation, as it is while a model is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.errors import Permanent
from agents.language import sentences
from evals.answer_figures import CitedQuote, GivenAnswer
from evals.bm25 import KeywordIndex
from evals.groundedness import passage_of
from evals.question_set import QuestionSet, SetPassage, SetQuestion
from evals.step_alone import StepAlone, meta_of
from evals.word_overlap import FUNCTION_WORDS, words_of
from schemas import Answer, Ask, ChunksRetrieved, TokensGenerated
from streams.running.world import Connector

BEST, TWO_BEST = "nearest sentence", "two nearest"
BASELINES = {BEST: 1, TWO_BEST: 2}
Advance = Callable[[], None]


class PassageSource:
    """Gives each question its passages."""

    def __init__(self, asked: QuestionSet, others: int) -> None:
        """Take a set, and how many passages beside the right one a question gets."""
        self._passages = tuple(asked.passages.values())
        self._by_id = asked.passages
        self._others = others
        texts = [f"{one.title} {one.text}" for one in self._passages] if others else []
        self._index = KeywordIndex(texts)

    def of(self, question: SetQuestion) -> tuple[SetPassage, ...]:
        """Return the passages of a question, nearest first."""
        right = self._by_id[question.passage]
        near = self._index.search(question.text, self._others + 1) if self._others else []
        ranked = [self._passages[number] for number in near]
        if right in ranked:
            return tuple(ranked)
        return (*ranked[: self._others], right)


async def answers_of_step(
    asked: QuestionSet,
    source: PassageSource,
    connectors: Sequence[Connector],
    changed: Mapping[str, Any],
    advance: Advance,
) -> dict[str, GivenAnswer]:
    """Have the step answer each question; `changed` are values of its configuration."""
    step = StepAlone("generate", connectors, changed)
    answers = {}
    for question in asked.questions:
        outcomes = await step.outcomes(retrieved(question, source.of(question)))
        last = outcomes[-1]
        if not isinstance(last, TokensGenerated) or last.answer is None:
            raise Permanent(f"no answer to {question.id}: the step ended without one")
        answers[question.id] = given(last.answer)
        advance()
    return answers


def retrieved(question: SetQuestion, passages: Sequence[SetPassage]) -> ChunksRetrieved:
    """Make the event that the step answers."""
    return ChunksRetrieved(
        meta=meta_of(question.id),
        outcome="retrieved",
        subject="",
        question=question.text,
        query=question.text,
        passages=tuple(passage_of(one.text, one.title, one.id) for one in passages),
        relevance=1.0,
        ask=Ask(),
    )


def given(answer: Answer) -> GivenAnswer:
    """Take what is measured of an answer."""
    cited = tuple(CitedQuote(one.document, one.quote) for one in answer.citations)
    spared = answer.spared if answer.prompt else None
    return GivenAnswer(answer.text, answer.finish_reason, cited, spared)


def baseline_answers(
    asked: QuestionSet, source: PassageSource, count: int, advance: Advance
) -> dict[str, GivenAnswer]:
    """Answer each question with the sentences that share most words with it; never abstain."""
    answers = {}
    for question in asked.questions:
        wanted = set(words_of(question.text)) - FUNCTION_WORDS
        listed = [(one.id, text) for one in source.of(question) for text in sentences(one.text)]
        ranked = sorted(
            range(len(listed)),
            key=lambda at: (-len(wanted & set(words_of(listed[at][1]))), at),
        )
        best = [listed[at] for at in sorted(ranked[:count])]
        text = " ".join(sentence for _, sentence in best)
        cited = tuple(CitedQuote(passage, sentence) for passage, sentence in best)
        answers[question.id] = GivenAnswer(text, "extractive" if text else "not_found", cited)
        advance()
    return answers
