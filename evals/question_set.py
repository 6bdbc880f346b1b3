"""Questions on passages, with the answers that are held for right, and those that have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.data_sets import BadData, Choice, EvalRow, files_in, name_of, rows_of


@dataclass(frozen=True)
class SetQuestion:
    """A question, and what a right answer is."""

    id: str
    text: str
    passage: str
    """Id of the passage that it was asked of."""
    answerable: bool
    answers: tuple[str, ...]
    disputed: bool = False
    """Whether those who judged it do not agree."""


@dataclass(frozen=True)
class SetPassage:
    """A passage of a set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class QuestionSet:
    """Questions and the passages that they were asked of."""

    name: str
    questions: tuple[SetQuestion, ...]
    passages: Mapping[str, SetPassage]


def question_sets(place: Path, choice: Choice) -> list[QuestionSet]:
    """Read a folder of `…questions.jsonl[.gz]` files and one `…passages.jsonl[.gz]`.

    Each file of questions is a set of its own. Raises BadData.
    """
    if place.is_file():
        raise BadData(f"{place}: name the folder that holds the questions and their passages")
    files = files_in(place, "*passages")
    if len(files) > 1:
        listed = ", ".join(path.name for path in files)
        raise BadData(f"{place}: several files of passages ({listed}); keep one in the folder")
    passages = _passages(files[0])
    sets = []
    for path in files_in(place, "*questions"):
        questions = [_question(row, passages) for row in rows_of(path)]
        chosen = choice.of(questions, lambda question: question.passage, path)
        part = name_of(path).removesuffix("questions").rstrip("_-.")
        name = "/".join(filter(None, (place.resolve().name, part)))
        sets.append(QuestionSet(name, tuple(chosen), passages))
    return sets


def _passages(path: Path) -> dict[str, SetPassage]:
    passages: dict[str, SetPassage] = {}
    for row in rows_of(path):
        one = SetPassage(row.text("id"), str(row.values.get("title") or ""), row.text("text"))
        if one.id in passages:
            raise row.bad(f"a second passage {one.id!r}; give each an id of its own")
        passages[one.id] = one
    return passages


def _question(row: EvalRow, passages: Mapping[str, SetPassage]) -> SetQuestion:
    answerable: bool = row.one_of("answerable", (True, False))
    question = SetQuestion(
        id=row.text("id"),
        text=row.text("question"),
        passage=row.text("passage_id"),
        answerable=answerable,
        answers=row.texts("answers") if answerable else (),
        disputed=row.values.get("disagreement") is True,
    )
    if question.passage not in passages:
        raise row.bad(f"no passage {question.passage!r} in the file of passages; mend 'passage_id'")
    if answerable and not question.answers:
        raise row.bad("'answers' is empty, though the question is answerable; name one")
    return question
