"""Holding the conversations over a gateway, judging each answer by rules, and writing them down.

Rules are coarse: they see spellings, not sense, and a false statement only where its spelling was
foreseen. So the transcript is written for an eye, too, and says which answers are in other words
than their quotes: what is quoted word for word can mislead, but not lie.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click

from bench.quality.conversations import (
    ABSENT,
    FACT,
    FOLLOW_UP,
    SMALL_TALK,
    MachineDocument,
    Talk,
    TalkTurn,
)
from evals.bootstrap import mean_of
from evals.outcome import OURS, SetOutcome
from evals.over_gateway import AskedGateway

RIGHT, WRONG, FALSE, USELESS = "right", "wrong", "false with a citation", "useless"
RESTATED = "in other words"
TALKS_AT_ONCE = 2
POLL_S = 0.5
INDEXED_WITHIN_S = 600.0
ABSTAINED = ("not_found", "refused")


@dataclass(frozen=True)
class TurnHeld:
    """A turn, what was answered, and what the rules say of it."""

    turn: TalkTurn
    text: str
    finish_reason: str
    quotes: tuple[str, ...]
    verdict: str

    @property
    def restated(self) -> bool:
        """Whether it is in other words than what it cites."""
        quoted = _plain(" ".join(self.quotes))
        return bool(self.quotes) and _plain(self.text) not in quoted


@dataclass(frozen=True)
class TalkHeld:
    """A conversation as it went."""

    turns: tuple[TurnHeld, ...]

    @property
    def right(self) -> bool:
        """Whether each of its turns is right."""
        return all(one.verdict == RIGHT for one in self.turns)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def judged(turn: TalkTurn, text: str, finish_reason: str, quotes: Sequence[str]) -> str:
    """Say what an answer is worth."""
    said = text.casefold()
    abstained = finish_reason in ABSTAINED or not said.strip()
    if turn.kind == ABSENT:
        if abstained:
            return RIGHT
        return FALSE if quotes else WRONG
    if abstained:
        return USELESS
    if any(spelling.casefold() in said for spelling in turn.wrong):
        return FALSE if quotes else WRONG
    holds = all(any(one.casefold() in said for one in group) for group in turn.groups)
    if turn.kind == SMALL_TALK:
        return RIGHT if holds and not quotes else USELESS
    return RIGHT if holds and quotes else USELESS


def hand_in(
    gateway: AskedGateway,
    documents: Iterable[MachineDocument],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Submit the documents, and wait until they can be searched; raises click.ClickException."""
    waiting = set()
    for one in documents:
        body = {"uri": f"machine:{one.name}", "media_type": one.media_type, "content": one.text}
        waiting.add(gateway.post("/v1/documents", {**body, "title": one.name})["document_id"])
    end = time.monotonic() + INDEXED_WITHIN_S
    while waiting:
        for document in sorted(waiting):
            state = gateway.get(f"/v1/documents/{document}")
            if state["status"] == "failed":
                raise click.ClickException(f"{state['uri']} failed: {state['reason']}")
            if state["status"] == "indexed":
                waiting.discard(document)
        if time.monotonic() > end:
            raise click.ClickException(f"{len(waiting)} documents could not be searched in time")
        pause(POLL_S)


def hold_talks(
    gateway: AskedGateway, documents: Iterable[MachineDocument], talks: Sequence[Talk]
) -> list[TalkHeld]:
    """Hold the conversations that the documents allow, in their order."""
    names = {one.name.partition("(")[0] for one in documents}
    possible = [talk for talk in talks if not talk.needs or talk.needs in names]
    with ThreadPoolExecutor(TALKS_AT_ONCE) as pool:
        return list(pool.map(lambda entry: hold(gateway, *entry), enumerate(possible)))


def hold(gateway: AskedGateway, number: int, talk: Talk) -> TalkHeld:
    """Hold one conversation."""
    held = []
    session = f"quality-{number}-{time.time_ns()}"
    for turn in talk.turns:
        said = _answered(gateway, session, turn.text)
        quotes = tuple(one["quote"] for one in said["citations"])
        verdict = judged(turn, said["text"], said["finish_reason"], quotes)
        held.append(TurnHeld(turn, said["text"], said["finish_reason"], quotes, verdict))
    return TalkHeld(tuple(held))


def _answered(gateway: AskedGateway, session: str, text: str) -> dict[str, Any]:
    try:
        body = {"text": text, "session_id": session, "stream": False}
        return gateway.post("/v1/messages", body)
    except click.ClickException as error:
        return {"text": "", "citations": [], "finish_reason": f"error: {error.message}"}


def talks_outcome(name: str, talks: Sequence[TalkHeld], seed: int = 0) -> SetOutcome:
    """Say how many of a set were right, by conversation and by kind of turn."""
    outcome = SetOutcome(name, len(talks))
    outcome.add("right, all turns", OURS, mean_of([float(talk.right) for talk in talks], seed=seed))
    turns = [(number, one) for number, talk in enumerate(talks) for one in talk.turns]
    for kind in (FACT, FOLLOW_UP, SMALL_TALK, ABSENT):
        of_kind = [(number, one) for number, one in turns if one.turn.kind == kind]
        if of_kind:
            values = [float(one.verdict == RIGHT) for _, one in of_kind]
            groups = [number for number, _ in of_kind]
            outcome.add(f"right, {kind}", OURS, mean_of(values, groups, seed))
    counts = Counter(one.verdict for _, one in turns)
    outcome.counts.update({verdict: counts[verdict] for verdict in (RIGHT, WRONG, FALSE, USELESS)})
    outcome.counts[RESTATED] = sum(one.restated for _, one in turns)
    return outcome


def transcript(talks: Sequence[TalkHeld]) -> str:
    """Write the conversations down, for an eye to judge."""
    lines = []
    for number, talk in enumerate(talks, start=1):
        lines.append(f"## {number}. {'right' if talk.right else 'not right'}\n")
        for one in talk.turns:
            about = [one.turn.kind, one.verdict, one.finish_reason]
            about += [RESTATED] if one.restated else []
            lines.append(f"**{one.turn.text}** ({'; '.join(about)})\n")
            lines.append(f"{one.text or '(nothing)'}\n")
            lines += [f"> {' '.join(quote.split())}\n" for quote in one.quotes]
    return "\n".join(lines)
