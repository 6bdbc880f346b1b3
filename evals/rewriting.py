"""Rewriting: does a query say what a person's own rewrite of the question says?

A row is a turn of a conversation. The turns before it are replayed first, as in a session: each is
rewritten over those before it, and its rewrite and its answer are what the step remembers of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.conversation.summary import summarised
from evals.bootstrap import mean_of
from evals.data_sets import Choice, EvalRow, name_of, rows_of
from evals.outcome import OURS, SetOutcome
from evals.step_alone import Given, StepAlone, meta_of
from evals.word_overlap import added, rouge1, words_of
from schemas import Ask, QueryRewritten, QuestionRedacted, ReadTurns, SessionSummary, Turn, Turns

RAW = "raw question"
GIVEN = "rewrite of the set"
ROLES = ("user", "assistant", "context")


@dataclass(frozen=True)
class RewritingRow:
    """One turn and how people would have put it."""

    id: str
    conversation: str
    said: tuple[tuple[str, str], ...]
    """Before it: questions and their answers, oldest first."""
    question: str
    references: tuple[str, ...]
    automatic: str
    """A rewrite by another program, if the set has one."""

    @property
    def changed(self) -> bool:
        """Whether people rewrote it at all."""
        return all(words_of(self.question) != words_of(one) for one in self.references)


def rewriting_row(row: EvalRow) -> RewritingRow:
    """Read a row; raises BadData."""
    identity, references = row.text("id"), row.texts("rewrites")
    if not references:
        raise row.bad("'rewrites' is empty: name at least one, the question itself if need be")
    history = row.values.get("history")
    if not isinstance(history, list):
        raise row.bad('\'history\' must be a list of {"role", "text"}, oldest first')
    automatic = row.values.get("auto_rewrite")
    return RewritingRow(
        id=identity,
        conversation=str(row.values.get("dialog") or identity.rpartition("_")[0] or identity),
        said=_turns_said(row, history),
        question=row.text("question"),
        references=references,
        automatic=automatic if isinstance(automatic, str) else "",
    )


def _turns_said(row: EvalRow, history: list[object]) -> tuple[tuple[str, str], ...]:
    """Pair questions with the answers after them; what the set says beside is no turn."""
    turns: list[tuple[str, str]] = []
    for one in history:
        if not isinstance(one, dict) or not isinstance(one.get("text"), str):
            raise row.bad('\'history\' must be a list of {"role", "text"}, oldest first')
        if one.get("role") not in ROLES:
            raise row.bad(f"role {one.get('role')!r} in 'history': it is one of {', '.join(ROLES)}")
        if one["role"] == "user":
            turns.append((one["text"], ""))
        elif one["role"] == "assistant" and turns:
            question, answer = turns[-1]
            turns[-1] = question, f"{answer} {one['text']}".strip()
    return tuple(turns)


class Rewriter:
    """The step `rewrite` over conversations that a set tells."""

    def __init__(self) -> None:
        self._turns: tuple[Turn, ...] = ()
        self._step = StepAlone("rewrite", (Given({ReadTurns: self._read}),))
        self._remembered: dict[tuple[tuple[str, str], ...], tuple[Turn, ...]] = {(): ()}

    def _read(self, request: ReadTurns) -> Turns:
        older = self._turns[: -request.limit] if request.limit > 0 else ()
        summary: SessionSummary | None = None
        for turn in older:
            summary = summarised(summary, turn)
        return Turns(turns=self._turns[len(older) :], summary=summary)

    async def query(self, row: RewritingRow) -> str:
        """Rewrite one turn after those before it."""
        turns = await self._turns_of(row.said)
        return (await self._rewritten(row.question, turns)).query

    async def _turns_of(self, said: tuple[tuple[str, str], ...]) -> tuple[Turn, ...]:
        """Return what is remembered of a conversation; its beginnings are those of other rows."""
        for length in range(len(said) + 1):
            if said[:length] in self._remembered:
                continue
            turns, (question, answer) = self._remembered[said[: length - 1]], said[length - 1]
            done = await self._rewritten(question, turns)
            turn = Turn(request=f"r-{length}", question=done.query, answer=answer)
            # small talk and what is refused are turns of no session
            kept = done.outcome in {"rewritten", "unchanged"}
            self._remembered[said[:length]] = (*turns, turn) if kept else turns
        return self._remembered[said]

    async def _rewritten(self, question: str, turns: tuple[Turn, ...]) -> QueryRewritten:
        self._turns = turns
        asked = QuestionRedacted(
            meta=meta_of("question"), outcome="redacted", subject="", text=question, ask=Ask()
        )
        [outcome] = await self._step.outcomes(asked)
        assert isinstance(outcome, QueryRewritten)
        return outcome


def evaluate_rewriting(
    path: Path, choice: Choice, advance: Callable[[int], Callable[[], None]]
) -> SetOutcome:
    """Evaluate one file; `advance` is told how many rows there are, and gives what counts them."""
    rows = [rewriting_row(row) for row in rows_of(path)]
    chosen = choice.of(rows, lambda row: row.conversation, path)
    queries = asyncio.run(_queries(chosen, advance(len(chosen))))
    outcome = SetOutcome(name_of(path), len(chosen))
    outcome.counts["changed"] = sum(
        query != row.question for query, row in zip(queries, chosen, strict=True)
    )
    outcome.counts["to be changed"] = sum(row.changed for row in chosen)
    systems = {OURS: queries, RAW: [row.question for row in chosen]}
    if any(row.automatic for row in chosen):
        systems[GIVEN] = [row.automatic or row.question for row in chosen]
    for system, texts in systems.items():
        _add_figures(outcome, system, chosen, texts, choice.seed)
    return outcome


async def _queries(rows: Sequence[RewritingRow], advance: Callable[[], None]) -> list[str]:
    rewriter, queries = Rewriter(), []
    for row in rows:
        queries.append(await rewriter.query(row))
        advance()
    return queries


def _add_figures(
    outcome: SetOutcome,
    system: str,
    rows: Sequence[RewritingRow],
    texts: Sequence[str],
    seed: int,
) -> None:
    """Take in what a system's rewrites are worth."""
    pairs = list(zip(rows, texts, strict=True))

    def add(name: str, values: list[tuple[float, str]]) -> None:
        if values:
            numbers, groups = zip(*values, strict=True)
            outcome.add(name, system, mean_of(numbers, groups, seed))

    near = [(rouge1(text, row.references), row.conversation, row.changed) for row, text in pairs]
    add("ROUGE-1 recall", [(one.recall, group) for one, group, _ in near])
    add("ROUGE-1 precision", [(one.precision, group) for one, group, _ in near])
    add("ROUGE-1 F1", [(one.f1, group) for one, group, _ in near])
    add("recall, turns to be changed", [(one.recall, group) for one, group, to in near if to])
    add("recall, turns to be left", [(one.recall, group) for one, group, to in near if not to])
    add(
        "precision, turns to be left", [(one.precision, group) for one, group, to in near if not to]
    )
    lacking = [
        (found, row.conversation)
        for row, text in pairs
        if (found := added(text, row.question, row.references)) is not None
    ]
    add("recall of words to be added", lacking)
    add("the same words", [(_same(text, row.references), row.conversation) for row, text in pairs])


def _same(said: str, references: tuple[str, ...]) -> float:
    """Return 1 where a rewrite is a reference, word for word."""
    words = words_of(said)
    return float(any(words == words_of(one) for one in references))
