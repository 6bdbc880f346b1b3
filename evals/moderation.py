"""Moderation and injection: what is refused as a question, and withdrawn as an answer.

Each text goes through the steps as one a person typed (`redact`, which refuses) and as one a model
wrote (`moderate`, which retracts). Personal data is not looked for. The score of a text is the
highest that a step gave it: that of its terms, that of a head of moderation's model where one is
asked (with `--run`), or 1 where a rule blocks it. A baseline counts words of a short list.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.moderate import scores
from evals.data_sets import Choice, EvalRow, name_of, rows_of
from evals.detector_figures import ScoredRow, add_curves, add_verdicts
from evals.outcome import SetOutcome
from evals.step_alone import Given, StepAlone, meta_of
from schemas import (
    Answer,
    Ask,
    Batch,
    Detect,
    Detected,
    Placeholders,
    QuestionAsked,
    ReadPlaceholders,
    Sealed,
    Spans,
    TokensGenerated,
    Unseal,
    Unsealed,
    Usage,
)
from streams.running.world import Connector

AS_ANSWER, AS_QUESTION, KEYWORDS = "as an answer", "as a question", "keyword list"
# what a list that somebody types in five minutes holds
LISTED = re.compile(
    r"(?i)\b(?:fuck\w*|shit\w*|bitch\w*|cunts?|whores?|sluts?|bastards?|idiots?|morons?|scum|vermin"
    r"|faggots?|retard(?:s|ed)?|kill (?:them|him|her|you)|rape[ds]?|suicide|kill myself|porn\w*"
    r"|ignore (?:all|any|the|your|previous)|disregard|system prompt|jailbreak\w*|do anything now)\b"
)
KEYWORDS_MAX = 5


@dataclass(frozen=True)
class LabelledText:
    """A text and whether it should be found."""

    id: str
    text: str
    positive: bool
    group: str
    """What it belongs to: texts made of one template or one document stay together."""


def labelled_text(row: EvalRow) -> LabelledText:
    """Read a row; raises BadData."""
    text = row.text("text")
    group = row.values.get("functionality") or row.values.get("question") or row.text("id")
    return LabelledText(row.text("id"), text, row.one_of("label", (0, 1)) == 1, str(group))


class JudgingSteps:
    """The steps that judge texts."""

    def __init__(self, connectors: Sequence[Connector] = ()) -> None:
        """Take the connectors to moderation's model, if it is to be asked."""
        self._text = ""
        nothing = Given(
            {
                Unseal: lambda _: Unsealed(values=(self._text.encode(),)),
                Detect: lambda asked: Detected(
                    texts=(Spans(spans=()),) * len(asked.texts), model=""
                ),
                ReadPlaceholders: lambda _: Placeholders(),
            }
        )
        # texts of a set belong to no tenant, whose documents could know somebody in them
        self._redact = StepAlone("redact", (nothing, *connectors), {"known_values": "off"})
        self._moderate = StepAlone("moderate", connectors)
        self._terms = self._moderate.configuration.values["terms"]

    async def as_question(self, text: str) -> tuple[float, bool]:
        """Return score and verdict of a text that a person typed."""
        self._text = text
        sealed = Sealed(key="user/evaluation", event="question", field="text", ciphertext=b"")
        asked = QuestionAsked(meta=meta_of("question"), subject="", text=sealed, ask=Ask())
        [outcome] = await self._redact.outcomes(asked)
        refused = outcome.outcome == "refused"
        return _score_of(getattr(outcome, "verdict", None), float(refused)), refused

    async def as_answer(self, text: str) -> tuple[float, bool]:
        """Return score and verdict of a text that a model wrote."""
        answer = Answer(text=text, usage=Usage(), finish_reason="stop", question="", query="")
        generated = TokensGenerated(
            meta=meta_of("answer"),
            batch=Batch(number=0, last=True),
            text=text,
            answer=answer,
            ask=Ask(),
            subject="",
        )
        *_, outcome = await self._moderate.outcomes(generated)
        terms = max(scores(text, self._terms).values(), default=0.0)
        blocked = not outcome.verdict.allowed
        return _score_of(outcome.verdict, max(terms, float(blocked and not terms))), blocked


def _score_of(verdict: Any, least: float) -> float:
    """Return the highest score of a verdict's heads, or what is known without them."""
    heads = getattr(verdict, "scores", ()) or ()
    return max([least, *(float(one.score) for one in heads)])


def keyword_score(text: str) -> float:
    """Return how many listed words a text has, as a share of a few."""
    return min(1.0, len(LISTED.findall(text)) / KEYWORDS_MAX)


def evaluate_moderation(
    paths: Sequence[Path],
    choice: Choice,
    connectors: Sequence[Connector],
    advance: Callable[[int], Callable[[], None]],
    harmless: Path | None = None,
) -> list[SetOutcome]:
    """Evaluate files, each by itself, and all together where there are several.

    The texts of `harmless` count beside each of them: what is found there is a false alarm.
    """
    sets = {path: _texts_of(path, choice) for path in paths}
    if harmless is not None:
        sets.setdefault(harmless, _texts_of(harmless, choice))
    done = advance(sum(map(len, sets.values())))
    by_path = asyncio.run(_judged(sets, connectors, done))
    beside = [row for row in by_path[harmless] if not row[KEYWORDS].positive] if harmless else []
    judged = {name_of(path): by_path[path] + (beside if path != harmless else []) for path in paths}
    if len(judged) > 1:
        judged["all together"] = [row for path in sets for row in by_path[path]]
    return [_outcome_of(name, rows, choice.seed) for name, rows in judged.items()]


JudgedTexts = list[dict[str, ScoredRow]]


def _texts_of(path: Path, choice: Choice) -> list[LabelledText]:
    return choice.of([labelled_text(row) for row in rows_of(path)], lambda one: one.group, path)


async def _judged(
    sets: Mapping[Path, Sequence[LabelledText]],
    connectors: Sequence[Connector],
    done: Callable[[], None],
) -> dict[Path, JudgedTexts]:
    moderator = JudgingSteps(connectors)
    judged: dict[Path, JudgedTexts] = {}
    try:
        for path, texts in sets.items():
            judged[path] = []
            for text in texts:
                judged[path].append(await _each_way(moderator, text, f"{path.name}/{text.group}"))
                done()
    finally:
        for connector in connectors:
            await connector.close()
    return judged


async def _each_way(
    moderator: JudgingSteps, text: LabelledText, group: str
) -> dict[str, ScoredRow]:
    counted = keyword_score(text.text)
    each = {
        AS_ANSWER: await moderator.as_answer(text.text),
        AS_QUESTION: await moderator.as_question(text.text),
        KEYWORDS: (counted, counted > 0),
    }
    return {system: ScoredRow(text.positive, group, *said) for system, said in each.items()}


def _outcome_of(name: str, judged: JudgedTexts, seed: int) -> SetOutcome:
    outcome = SetOutcome(name, len(judged))
    for system in (AS_ANSWER, AS_QUESTION, KEYWORDS):
        rows = [row[system] for row in judged]
        outcome.counts["positive"] = sum(row.positive for row in rows)
        add_curves(outcome, system, rows, seed)
        add_verdicts(outcome, system, rows, seed)
    return outcome
