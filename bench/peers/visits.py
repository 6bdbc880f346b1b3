"""Visits: which program is measured when, what one visit shows, and rows of two visits each.

At each number of users all programs are visited twice, in the order A B P P B A: what changes
slowly meets all of them alike, and the two visits of one show how far its figures can be believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.peers.askers import Waits, connected, crowd
from bench.peers.contestants import HAYSTACK, Contestant
from bench.peers.corpus import LONG, SHORT, KnownSight, questions
from bench.peers.usage import spent
from bench.spread import Spread, spread


@dataclass(frozen=True)
class PeersPlan:
    """How much is measured."""

    tokens: tuple[int, ...] = (SHORT, LONG)
    chats: tuple[tuple[int, int], ...] = ((1, 16), (4, 32), (16, 64), (64, 128))
    """Pairs of users and chats of a visit."""
    documents: int | None = None
    """Of each set and visit; None for what is usual, 0 for none."""


QUICK = PeersPlan(chats=((1, 3), (4, 6)), documents=4)
"""A size at which all is seen to work; its figures say little."""


@dataclass(frozen=True)
class Visit:
    """One program, some users, once."""

    program: str
    tokens: int
    users: int
    waits: Waits
    cpu_ms: Mapping[str, float]
    """CPU milliseconds of a chat, by program of it and of those that all use."""
    own_cpu_ms: float
    """The same of its own programs together: beside models and index."""
    pss_mb: Mapping[str, float]
    """Memory at the end, by program."""


@dataclass(frozen=True)
class PeerRow:
    """Both visits of one program; the ratios are to Haystack's of the same place in the order."""

    program: str
    tokens: int
    users: int
    rate: Spread
    first_p50_ms: Spread
    first_p95_ms: Spread
    own_cpu_ms: Spread
    cpu_ms: dict[str, float]
    pss_mb: dict[str, float]
    refused: int
    degraded: int


def in_order(programs: Sequence[Contestant]) -> list[Contestant]:
    """Return who is visited when: there and back."""
    return [*programs, *reversed(programs)]


def visit_all(
    programs: Sequence[Contestant], plan: PeersPlan, say: Callable[[str], None]
) -> list[Visit]:
    """Visit all at each length of answers and number of users."""
    visits = []
    for tokens in plan.tokens:
        asking = {one.name: questions(tokens) for one in programs}
        for users, chats in plan.chats:
            for one in in_order(programs):
                visits.append(visit(one, tokens, users, chats, asking[one.name]))
                say(told(visits[-1]))
    return visits


def visit(
    one: Contestant, tokens: int, users: int, chats: int, asking: Iterator[KnownSight]
) -> Visit:
    """Have so many users hold so many chats with one program.

    Raises WrongWork for an answer that is not the one that all must give.
    """
    one.check()
    before = one.programs.cpu_s()
    waits = asyncio.run(_held(one, users, chats, asking))
    used = spent(before, one.programs.cpu_s())
    cpu_ms = {name: 1_000 * seconds / chats for name, seconds in used.items()}
    own = sum(cpu_ms[name] for name in one.own)
    return Visit(one.name, tokens, users, waits, cpu_ms, own, one.programs.pss_mb())


async def _held(one: Contestant, users: int, chats: int, asking: Iterator[KnownSight]) -> Waits:
    async with connected() as http:
        return Waits.of(*await crowd(http, one.address, users, chats, asking))


def told(one: Visit) -> str:
    """Say in a line what a visit showed."""
    waits = one.waits
    return (
        f"{one.tokens} tokens, {one.users} users: {one.program}: {waits.rate:.1f} chats/s,"
        f" first text {waits.first_p50_ms:.0f} ms, CPU {one.own_cpu_ms:.0f} ms a chat"
    )


def peer_rows(visits: Sequence[Visit], baseline: str = HAYSTACK) -> list[PeerRow]:
    """Sum up the visits of each program at the same users and tokens."""
    groups: dict[tuple[int, int, str], list[Visit]] = {}
    for one in visits:
        groups.setdefault((one.tokens, one.users, one.program), []).append(one)
    return [
        _row(group, groups.get((tokens, users, baseline), []))
        for (tokens, users, _), group in groups.items()
    ]


def _row(group: Sequence[Visit], base: Sequence[Visit]) -> PeerRow:
    def over(value: Callable[[Visit], float]) -> Spread:
        return spread([value(one) for one in group], [value(one) for one in base])

    first = group[0]
    return PeerRow(
        first.program,
        first.tokens,
        first.users,
        over(lambda one: one.waits.rate),
        over(lambda one: one.waits.first_p50_ms),
        over(lambda one: one.waits.first_p95_ms),
        over(lambda one: one.own_cpu_ms),
        _means([one.cpu_ms for one in group]),
        _means([one.pss_mb for one in group]),
        sum(one.waits.refused for one in group),
        sum(one.waits.degraded for one in group),
    )


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(one[name] for one in values) / len(values) for name in values[0]}


def rows_as_json(rows: Sequence[PeerRow]) -> list[dict[str, Any]]:
    """Return JSON objects."""
    return [asdict(row) for row in rows]
