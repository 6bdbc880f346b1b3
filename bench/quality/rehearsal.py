"""`make bench ONLY=conversations`: the conversations without a stack, and where they go wrong.

The steps run in this process (`memory_stack.py`), so a change of theirs shows without a stack; and
what each of them made of a question is at hand, so that a wrong turn can be told by its stage.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from bench.figure_tables import figure_table
from bench.quality.conversations import (
    FIRST,
    FOLLOW_UP,
    FOURTH,
    SECOND,
    THIRD,
    MachineDocument,
    Talk,
    TalkSet,
    TalkTurn,
    machine_documents,
)
from bench.quality.memory_stack import AnswerTrace, MemoryStack, memory_stack
from bench.quality.natural_questions import NATURAL
from bench.quality.talks_held import RIGHT, TalkHeld, TurnHeld, judged
from bench.quality.turn_stages import STAGES, TurnTrace, holds, stage_of

SETS = (FIRST, SECOND, THIRD, FOURTH, NATURAL)
SHOWN_CHARS = 300  # of an answer that is shown


@dataclass(frozen=True)
class WrongTurn:
    """A turn that was not answered right."""

    talk: int
    """Number of its conversation, from 1."""
    held: TurnHeld
    trace: TurnTrace
    stage: str

    def lines(self) -> list[str]:
        """Spell it for an eye to judge."""
        said = " ".join(self.held.text.split())[:SHOWN_CHARS]
        query = "" if self.trace.query == self.held.turn.text else f" → {self.trace.query}"
        return [
            f"{self.talk}. {self.stage}: {self.held.turn.text}{query}",
            f"    wanted {' and '.join('|'.join(one) for one in self.held.turn.groups) or 'none'}",
            f"    {self.held.finish_reason}: {said or '(nothing)'}",
        ]


@dataclass(frozen=True)
class Rehearsal:
    """A set of conversations as it went."""

    name: str
    talks: Sequence[TalkHeld]
    wrong: Sequence[WrongTurn]

    @property
    def turns(self) -> int:
        """Turns of all conversations."""
        return sum(len(talk.turns) for talk in self.talks)

    @property
    def stages(self) -> Counter[str]:
        """How many turns went wrong at each stage."""
        return Counter(one.stage for one in self.wrong)

    def as_json(self) -> dict[str, Any]:
        """Return a part of the document."""
        return {
            "set": self.name,
            "turns": self.turns,
            "right_turns": self.turns - len(self.wrong),
            "conversations": len(self.talks),
            "right_conversations": sum(talk.right for talk in self.talks),
            "stages": {stage: self.stages[stage] for stage in STAGES if self.stages[stage]},
        }


async def rehearse(stack: MemoryStack, chosen: TalkSet) -> Rehearsal:
    """Hold the conversations of a set in a tenant of their own; raises MeasurementFailed."""
    tenant = chosen.name.replace(" ", "-")
    documents = machine_documents(chosen)
    await stack.take_in(tenant, documents)
    names = {one.name.partition("(")[0] for one in documents}
    possible = [talk for talk in chosen.talks if not talk.needs or talk.needs in names]
    room = _Room(stack, tenant, documents)
    held, wrong = [], []
    for number, talk in enumerate(possible, start=1):
        talk_held, mistakes = await room.hold(number, talk)
        held.append(talk_held)
        wrong += mistakes
    return Rehearsal(chosen.name, held, wrong)


class _Room:
    """Where the conversations of one set are held."""

    def __init__(
        self, stack: MemoryStack, tenant: str, documents: Sequence[MachineDocument]
    ) -> None:
        self._stack, self._tenant, self._documents = stack, tenant, documents

    async def hold(self, number: int, talk: Talk) -> tuple[TalkHeld, list[WrongTurn]]:
        """Hold one conversation; return it, and its turns that were wrong."""
        held, wrong = [], []
        for turn in talk.turns:
            answer = await self._stack.answer(self._tenant, f"talk-{number}", turn.text)
            one = _held(turn, answer)
            held.append(one)
            if one.verdict != RIGHT:
                trace = await self._traced(number, turn, answer)
                wrong.append(WrongTurn(number, one, trace, stage_of(turn, trace)))
        return TalkHeld(tuple(held)), wrong

    async def _traced(self, number: int, turn: TalkTurn, answer: AnswerTrace) -> TurnTrace:
        right = False
        if turn.kind == FOLLOW_UP:
            right = await self._is_right_named(number, turn)
        findable = self._stack.passages(self._tenant)
        return TurnTrace(
            submitted=tuple(one.text for one in self._documents),
            findable=tuple(one.text for one in findable),
            redacted=answer.redacted.text,
            outcome=answer.rewritten.outcome,
            query=answer.rewritten.query,
            passages=tuple(one.text for one in answer.retrieved.passages),
            finish_reason=answer.finish_reason,
            text=answer.text,
            named_is_right=right,
        )

    async def _is_right_named(self, number: int, turn: TalkTurn) -> bool:
        """Ask of a document that holds the answer by its name, outside of the conversation."""
        for one in self._documents:
            if holds(turn, [one.text]):
                name = one.name.partition("(")[0]
                asked = f"{turn.text.rstrip(' ?')} ({name})?"
                session = f"talk-{number}-{name}"
                answer = await self._stack.answer(self._tenant, session, asked)
                if _held(turn, answer).verdict == RIGHT:
                    return True
        return False


def _held(turn: TalkTurn, answer: AnswerTrace) -> TurnHeld:
    verdict = judged(turn, answer.text, answer.finish_reason, answer.quotes)
    return TurnHeld(turn, answer.text, answer.finish_reason, answer.quotes, verdict)


def measure_rehearsals(say: Callable[[str], None]) -> list[Rehearsal]:
    """Hold the conversations of all sets; raises MeasurementFailed."""

    async def hold_all() -> list[Rehearsal]:
        made = []
        async with memory_stack() as stack:
            for chosen in SETS:
                say(chosen.name)
                made.append(await rehearse(stack, chosen))
        return made

    return asyncio.run(hold_all())


def show_rehearsals(made: Sequence[Rehearsal], console: Console, *, wrong: bool = False) -> None:
    """Print what was right, for people, and each turn that was `wrong`."""
    table = figure_table("set", "right in every turn", "right turns", *STAGES)
    for one in made:
        right = sum(talk.right for talk in one.talks)
        counts = (str(one.stages[stage] or "") for stage in STAGES)
        turns = f"{one.turns - len(one.wrong)} of {one.turns}"
        table.add_row(one.name, f"{right} of {len(one.talks)}", turns, *counts)
    console.print(table)
    for one in made if wrong else ():
        console.print(f"\n{one.name}", markup=False)
        for turn in one.wrong:
            for line in turn.lines():
                console.print(line, highlight=False, markup=False, soft_wrap=True)
