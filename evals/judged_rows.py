"""Judged answers as rows: what reviewers said, and what stood on the log when they did.

Texts are redacted, as on the log. Notes are sealed there and stay there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.answer_figures import ABSTAINED
from evals.data_sets import BadData, EvalRow, NoRows, files_in, rows_of
from evals.question_set import SetPassage
from streams.operations.reviews.review_queue import GRADES, REVIEWERS

JUDGEMENTS = "judgements.jsonl"
QUESTIONS = "judged_questions.jsonl"
PASSAGES = "judged_passages.jsonl"
Scores = dict[str, float]


@dataclass(frozen=True)
class JudgedRow:
    """An answer that two reviewers judged."""

    id: str
    """Request id."""
    tenant: str
    group: str
    """What it belongs to: a digest of the conversation."""
    question: str
    """The stand-alone query."""
    answer: str
    finish_reason: str
    grades: tuple[str, ...]
    """What the first two said, in their order."""
    citations_wrong: int
    """How many of the two say that what is cited does not hold what is said."""
    passages: tuple[SetPassage, ...]
    """What was found, best first."""
    cited: tuple[tuple[str, str], ...]
    """Passage and quote."""
    question_scores: Scores
    """What moderation's model said of the question."""

    @property
    def abstained(self) -> bool:
        """Whether no answer was given."""
        return self.finish_reason in ABSTAINED or not self.answer.strip()

    @property
    def disagreement(self) -> bool:
        """Whether the two say different things."""
        return len(set(self.grades)) > 1

    def as_json(self) -> dict[str, Any]:
        """Return a row of the file."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "group": self.group,
            "question": self.question,
            "answer": self.answer,
            "finish_reason": self.finish_reason,
            "grades": list(self.grades),
            "disagreement": self.disagreement,
            "citations_wrong": self.citations_wrong,
            "passages": [_passage(one) for one in self.passages],
            "cited": [list(one) for one in self.cited],
            "question_scores": self.question_scores,
        }

    def as_question(self) -> dict[str, Any] | None:
        """Return a row for `playhead eval answers`; None where nobody said what is right.

        A quotation that somebody held for right is a right answer, and so is all of it.
        """
        if "right" not in self.grades or self.finish_reason == "refused" or not self.passages:
            return None
        quotes = [quote for _, quote in self.cited if quote]
        known = {one.id for one in self.passages}
        cited = next((passage for passage, _ in self.cited if passage in known), None)
        return {
            "id": self.id,
            "question": self.question,
            "passage_id": cited or self.passages[0].id,
            "answerable": not self.abstained,
            "answers": [] if self.abstained else list(dict.fromkeys([*quotes, self.answer])),
            "grades": list(self.grades),
            "disagreement": self.disagreement,
        }


def _passage(one: SetPassage) -> dict[str, str]:
    return {"id": one.id, "title": one.title, "text": one.text}


# ---------------------------------------------------------------------- files


def write_judged(folder: Path, rows: Sequence[JudgedRow]) -> dict[str, int]:
    """Write the files of an evaluation set into a folder; returns how many rows went where.

    Raises BadData where it can't be written.
    """
    questions = [one for row in rows if (one := row.as_question()) is not None]
    passages = {one.id: _passage(one) for row in rows for one in row.passages}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / JUDGEMENTS, (row.as_json() for row in rows))
        _write(folder / QUESTIONS, questions)
        _write(folder / PASSAGES, passages.values())
    except OSError as error:
        raise BadData(f"{folder}: {error.strerror}; name a folder that can be written") from None
    return {
        "judged": len(rows),
        "questions": len(questions),
        "disagreements": sum(row.disagreement for row in rows),
        "passages": len(passages),
    }


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write all of a file or nothing: who reads meanwhile reads the one before."""
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    aside = path.with_suffix(".partial")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def read_judged(place: Path) -> list[JudgedRow]:
    """Read what was written: the file, or the folder that it lies in; raises BadData."""
    [path] = [place] if place.is_file() else files_in(place, "judgements")
    rows = [_judged(row) for row in rows_of(path)]
    if not rows:
        raise NoRows(f"{path}: no rows; `playhead eval export-judgements` writes some")
    return rows


def _judged(row: EvalRow) -> JudgedRow:
    grades = row.texts("grades")
    if len(grades) != REVIEWERS or not set(grades) <= set(GRADES):
        raise row.bad(f"'grades' must be {REVIEWERS} of {', '.join(GRADES)}; mend the row")
    wrong = row.values.get("citations_wrong")
    if isinstance(wrong, bool) or not isinstance(wrong, int) or not 0 <= wrong <= REVIEWERS:
        raise row.bad(f"'citations_wrong' must be 0 to {REVIEWERS}; mend the row")
    return JudgedRow(
        id=row.text("id"),
        tenant=row.text("tenant"),
        group=row.text("group"),
        question=row.text("question"),
        answer=row.text("answer"),
        finish_reason=row.text("finish_reason"),
        grades=grades,
        citations_wrong=wrong,
        passages=tuple(_passages(row)),
        cited=tuple(_cited(row)),
        question_scores=_scores(row),
    )


def _passages(row: EvalRow) -> Iterable[SetPassage]:
    given = row.values.get("passages")
    if not isinstance(given, list):
        raise row.bad("'passages' must be a list of {id, title, text}; mend the row")
    for one in given:
        if not isinstance(one, dict):
            raise row.bad("'passages' must be a list of {id, title, text}; mend the row")
        part = EvalRow(row.path, row.line, one)
        yield SetPassage(part.text("id"), part.text("title"), part.text("text"))


def _cited(row: EvalRow) -> Iterable[tuple[str, str]]:
    given = row.values.get("cited")
    if not isinstance(given, list):
        raise row.bad("'cited' must be a list of [passage, quote]; mend the row")
    for one in given:
        match one:
            case [str(passage), str(quote)]:
                yield passage, quote
            case _:
                raise row.bad("'cited' must be a list of [passage, quote]; mend the row")


def _scores(row: EvalRow) -> Scores:
    given = row.values.get("question_scores")
    if not isinstance(given, dict) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in given.values()
    ):
        raise row.bad("'question_scores' must be {head: score}; mend the row")
    return {str(head): float(score) for head, score in given.items()}
