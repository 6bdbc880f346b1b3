"""Composition: an answer out of statements, each cited: as many as it takes, and no more.

One statement answers where it holds all that was asked, or where it is a whole already (a list, a
command). Else the two best do, where the second adds something. A comparison takes one for each
side. What is quoted stands in the order of the documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import regex

from agents.answering.conflicts import conflict
from agents.answering.nearness import Nearness
from agents.answering.question_kinds import named
from agents.answering.tongues import in_language_of
from schemas import Citation

STATEMENTS_MAX = 3
CHARACTERS_MAX = 1_600  # of an answer: what is longer is read in the document
SECOND_MIN = 0.65  # part of the best score from which a second statement adds something: of 400
# questions of SQuAD 2 with three other passages, 88.8 to 89.3 % of the answers hold what is asked
# for with 0.6 to 0.7, 90.3 % in a third more words with 0.45, 82.0 % with one statement alone
UNSAID_MIN = 0.5  # the same where the best leaves much of the question unsaid
SAID_MIN = 0.8  # share of a question's weight that a statement or its headings hold if it says it
BOTH_MIN = 0.5  # part of the best score that what speaks of both sides of a comparison must reach
SAME_MAX = 0.7  # share of the shorter one's words from which two statements say the same
WHOLE = frozenset({"list", "code", "option", "row"})
"""Kinds that need no second statement beside them."""
SAID = frozenset({"sentence", "lead", "entry"})
DONE = frozenset({"code", "list", "option"})
"""Kinds that tell how something is done."""

_COMPARES = regex.compile(
    r"\b(?:differ\w*|than|whereas|while|unlike|instead|contrast|both|unterschied\w*|während|als|hingegen|différ\w*|tandis|contrairement"
    r"|diferen\w*|mientras)\b", regex.IGNORECASE,
)  # fmt: skip
# what begins so is a condition of what stands before it, or speaks of it
_CONDITION = regex.compile(
    r"\A(?:However|But|Except|Unless|Only|This does not|This doesn't|Otherwise|Jedoch|Aber|Außer"
    r"|Allerdings|Nur|Cependant|Mais|Sauf|Sin embargo|Pero|Excepto|Salvo)\b"
)


@dataclass(frozen=True)
class Composed:
    """An answer out of statements."""

    text: str
    citations: tuple[Citation, ...]
    differing: bool = False
    """Whether it shows documents that say different things."""


class Composition:
    """Chooses statements and puts them together."""

    def __init__(self, nearness: Nearness, differing: Mapping[str, str] | None = None) -> None:
        self.near = nearness
        self._differing = in_language_of(nearness.question, differing or {})
        scores = nearness.scores
        self.order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))

    def composed(self) -> Composed:
        """Answer with what is nearest to the question; with nothing where there is nothing."""
        differing = conflict(self.near, self.order) if self._differing else ()
        if differing:
            entries = [
                f"- {self.near.statements[index].text} ({self._source(index)})"
                for index in differing
            ]
            text = "\n".join([self._differing, *entries])
            return Composed(text, self.citations(differing), differing=True)
        chosen = self.chosen()
        return Composed(self.text(chosen), self.citations(chosen))

    def said(self) -> list[str]:
        """List the statements of an answer, each with what it stands under."""
        chosen = (self.near.statements[index] for index in self.chosen())
        return [f"{one.above} {one.text}" for one in chosen]

    def titles(self) -> list[str]:
        """List the titles of what an answer is taken from."""
        passages = dict.fromkeys(self.near.statements[index].passage for index in self.chosen())
        return [self.near.passages[passage].title for passage in passages]

    def beside(self) -> list[str]:
        """List what stands right before and behind the nearest statement."""
        statements = self.near.statements
        best = self.order[0] if self.order else 0
        near = (index for index in (best - 1, best + 1) if 0 <= index < len(statements))
        passage = statements[best].passage if statements else 0
        return [statements[index].text for index in near if statements[index].passage == passage]

    def _source(self, index: int) -> str:
        """Name a document, and which version of it, where it has been changed."""
        passage = self.near.passages[self.near.statements[index].passage]
        name = passage.title or passage.uri
        return f"{name}, version {passage.version}" if passage.version > 1 else name

    def citations(self, chosen: Sequence[int]) -> tuple[Citation, ...]:
        """Cite statements, in their order."""
        return tuple(self.citation(index) for index in chosen)

    def chosen(self) -> list[int]:
        """Choose the statements of an answer, in the order in which it says them."""
        if not self.order:
            return []
        picked = self._sides() or [self.order[0]]
        self._add_second(picked)
        self._add_condition(picked)
        return self._within_bounds(picked)

    def _sides(self) -> list[int]:
        """Of a comparison, choose what speaks of both sides, or the best of each."""
        sides = self.near.asked.sides
        if not sides:
            return []
        least = BOTH_MIN * self.near.scores[self.order[0]]
        for index in self.order:
            if self.near.scores[index] < least:
                break
            if frozenset().union(*sides) <= self._named(index) and _COMPARES.search(
                self.near.statements[index].text
            ):
                return [index]
        best = []
        for side in sides:
            found = next((index for index in self.order if side <= self._named(index)), None)
            if found is not None:
                best.append(found)
        return list(dict.fromkeys(best)) if len(best) == len(sides) else []

    def _named(self, index: int) -> frozenset[str]:
        return named(self.near.statements[index].text)

    def _add_second(self, picked: list[int]) -> None:
        """Add the next best statement where it says something else and is near enough."""
        statements, scores = self.near.statements, self.near.scores
        best = picked[0]
        if len(picked) > 1 or statements[best].kind in WHOLE:
            return
        unsaid = not self.near.asked.sides and self.near.said_by(best) < SAID_MIN
        least = UNSAID_MIN if unsaid else SECOND_MIN
        kinds = [(SAID, least)]
        if self.near.asked.kind == "how_to":
            kinds.insert(0, (DONE, SECOND_MIN))
        for wanted, part in kinds:
            near = [index for index in self.order if scores[index] >= part * scores[best]]
            for index in near:
                if statements[index].kind in wanted and self._adds(index, picked):
                    picked.append(index)
                    return

    def _adds(self, index: int, picked: Sequence[int]) -> bool:
        held = self.near.held[index]
        return bool(held) and all(
            len(held & self.near.held[other])
            < SAME_MAX * min(len(held), len(self.near.held[other]))
            for other in picked
        )

    def _add_condition(self, picked: list[int]) -> None:
        """Add the condition that stands right behind a chosen sentence."""
        statements = self.near.statements
        for index in list(picked):
            after = index + 1
            if (
                len(picked) < STATEMENTS_MAX
                and after < len(statements)
                and after not in picked
                and statements[after].kind == statements[index].kind == "sentence"
                and statements[after].passage == statements[index].passage
                and statements[after].block == statements[index].block
                and _CONDITION.match(statements[after].text)
            ):
                picked.append(after)

    def _within_bounds(self, picked: Sequence[int]) -> list[int]:
        """Leave out what is too much, the last chosen first, and bring the rest into order."""
        kept: list[int] = []
        room = CHARACTERS_MAX
        for index in picked:
            room -= len(self.near.statements[index].text)
            if room < 0 and kept:
                break
            kept.append(index)
        first: dict[int, int] = {}
        for place, index in enumerate(kept):
            first.setdefault(self.near.statements[index].passage, place)
        return sorted(kept, key=lambda index: (first[self.near.statements[index].passage], index))

    def text(self, chosen: Sequence[int]) -> str:
        """Put statements together: sentences of one passage on a line, others on their own."""
        parts: list[str] = []
        before = None
        for index in chosen:
            one = self.near.statements[index]
            if before is not None:
                beside = one.passage == before.passage and one.kind == before.kind == "sentence"
                parts.append(" " if beside else "\n")
            parts.append(one.text)
            before = one
        return "".join(parts)

    def citation(self, index: int) -> Citation:
        """Cite a statement."""
        statement = self.near.statements[index]
        passage = self.near.passages[statement.passage]
        return Citation(
            document=passage.document,
            chunk=passage.chunk,
            title=passage.title,
            uri=passage.uri,
            quote=statement.text,
        )
