"""Abstaining: say what was looked for and not found, and notice that a name stands nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from agents.answering.generation_policy import GenerationPolicy
from agents.answering.question_kinds import ASKING, CHARACTERS_MAX
from agents.answering.tongues import is_small, language_of
from agents.evidence import evidence
from agents.language import STOP_WORDS, is_number, stem, words
from schemas import Passage

NAMES_MAX = 3  # of what was looked for
RUN_MAX = 5  # words of one
_WORD = regex.compile(r"<[A-Z_]+_\d+>|[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}_.@/'’+#-]*")
_NAME = regex.compile(r"<[A-Z_]+_\d+>|.*\p{L}.*\p{Lu}.*|.*\p{L}.*\d.*|.*[_@/].*|\d[\d.,]+")


def nothing_found(question: str, policy: GenerationPolicy, language: str = "") -> str:
    """Say that the documents hold nothing, and about what, in the question's language.

    In one that has no such text, it is not said about what.
    """
    language = language or language_of(question)
    names, text = looked_for(question), policy.nothing_about.get(language)
    if names and text:
        return text.replace("{names}", ", ".join(names))
    return policy.said("not_found", language)


def looked_for(question: str) -> tuple[str, ...]:
    """Name what a question is about: the words that carry meaning, where several stand together.

    Of those that stand alone only names count, unless there are no others.
    """
    question = question[:CHARACTERS_MAX]
    runs: list[list[str]] = [[]]
    end = 0
    for match in _WORD.finditer(question):
        word = match[0].rstrip(".'’-/")
        if question[end : match.start()].strip() or _asks(word):
            runs.append([])
        if not _asks(word):
            runs[-1].append(word)
        end = match.start() + len(word)
    texts = [run[:RUN_MAX] for run in runs if run]
    telling = [
        run for run in texts if len(run) > 1 or any(_is_name(word, question) for word in run)
    ]
    chosen = telling or texts
    return tuple(dict.fromkeys(" ".join(run) for run in chosen))[:NAMES_MAX]


def _asks(word: str) -> bool:
    folded = word.casefold().replace("’", "'").removesuffix("'s")
    return folded in STOP_WORDS or folded in ASKING or is_small(folded)


def _is_name(word: str, question: str) -> bool:
    begins = question.lstrip(" \"'“¿").startswith(word)
    return bool(_NAME.fullmatch(word)) or (word[:1].isupper() and not begins)


def lacking(question: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """List the names and numbers of a question that no passage holds.

    Not its placeholders: what was taken for a person in the question may not have been so in a
    document.
    """
    held = evidence(f"{passage.title} {passage.text} {passage.uri}" for passage in passages)
    parts = [part for match in _WORD.finditer(question) for part in words(match[0])]
    first = next(iter(words(question)), "")
    lacked = (
        word
        for word in parts
        if (is_number(word) or (word[:1].isupper() and word != first and word[:1] != "<"))
        and not _asks(word)
        and stem(word) not in held
    )
    return tuple(dict.fromkeys(lacked))
