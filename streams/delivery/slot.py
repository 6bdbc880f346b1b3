"""A worker's slot: the name under which its group keeps its lanes for it (`PLAYHEAD_SLOT`).

Who joins a group under a slot's name takes its place from whoever has it, and the broker ends that
one's client ("static consumer fenced"). Mostly that is a session of our own: after the broker stood
still, a client that joins again fences what it had sent before. So the first time it just joins
again. If it is another worker with the same name, the two would take the place from each other for
ever. So who is fenced again soon after that looks first:

    a session that nobody keeps alive   is gone when its time is over, and the place is free
    another worker's                    stays; then we wait, unready, and say so

Who waits ends nothing: a worker that ended would be started again, and take the place again.

Whose place was taken hears of it with its next heartbeat, and works on until then: nobody has asked
it to let go. So who joins under a slot's name reads what was done only when it must have heard
(TOLD_S): both would run the same inputs under the same numbers. It reads at once where that one is
known to be dead (`held_slots`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import NamedTuple

from streams.log.broker_access import aio_settings
from streams.log.offsets import LIMIT_S, NoAnswer
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("slot")

SESSION_S = 6.0  # the broker's own minimum; one death stalls a lane for about this long (measured)
HEARTBEAT_S = 1.0
ALIVE_S = SESSION_S + 2 * HEARTBEAT_S  # seen for longer, a session is kept alive by somebody
SOON_S = 60.0
TOLD_S = 1.5 * HEARTBEAT_S  # until whose place was taken has heard, and its last records have come
SETTLED = frozenset({"Stable", "Empty", "Dead"})
"""States of a group in which nobody is about to become a member."""


class Members(NamedTuple):
    """The members of a group, as its coordinator knows them."""

    settled: bool
    """Whether no rebalance is under way."""
    members: Sequence[str]
    """The ids of its members."""


def members_of(settings: Settings, names: Collection[str]) -> dict[str, Members]:
    """Ask the broker who is a member of some groups; raises NoAnswer. Blocks."""
    from aiokafka.admin import AIOKafkaAdminClient

    async def ask() -> dict[str, Members]:
        async with asyncio.timeout(LIMIT_S):
            admin = AIOKafkaAdminClient(**aio_settings(settings), client_id="playhead-slot")
            try:
                await admin.start()
                # one by one: aiokafka 0.14 can't read an answer about several
                asked = (admin.describe_consumer_groups([name]) for name in names)
                answers = chain.from_iterable(await asyncio.gather(*asked))
            finally:
                await admin.close()
        told = {}
        for error_code, name, state, _, _, members in chain(*(one.groups for one in answers)):
            if error_code:
                raise NoAnswer(f"error {error_code} of {name}")
            told[name] = Members(state in SETTLED, [member[0] for member in members])
        return {name: told[name] for name in names}

    try:
        with ThreadPoolExecutor(1, "group") as thread:
            return thread.submit(asyncio.run, ask()).result()
    except NoAnswer:
        raise
    except Exception as error:  # of whichever library: the broker did not tell
        raise NoAnswer(type(error).__name__) from error


def group_of(settings: Settings, name: str) -> Members:
    """Ask the broker who is a member of a group; raises NoAnswer. Blocks."""
    return members_of(settings, [name])[name]


def holder_of(settings: Settings, group: str, slot: str) -> str | None:
    """Return the member of a group that has a slot, None where nobody has; raises NoAnswer."""
    # the broker makes a member's id of its slot and 36 characters of its own
    members = group_of(settings, group).members
    return next((name for name in members if name[:-37] == instance_of(group, slot)), None)


def instance_of(group: str, slot: str) -> str:
    """Return what a group knows a slot by."""
    return f"{group}-{slot}"


class Slot:
    """The slot of one step of a worker; used in the reader's thread alone, but for `trouble`."""

    trouble = ""
    """Who has it instead of us; empty while nobody is known to."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        holder: Callable[[Settings, str, str], str | None] = holder_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._group = group
        self._holder = holder
        self._clock = clock
        self._fenced_s: float | None = None
        self._seen_s: float | None = None

    @property
    def _name(self) -> str:
        return self._settings.slot

    def doubtful(self) -> bool:
        """Note that our client has ended; say whether somebody else may have the slot."""
        before_s, self._fenced_s = self._fenced_s, self._clock()
        self._seen_s = None
        return bool(self._name) and before_s is not None and self._clock() - before_s < SOON_S

    def is_free(self) -> bool:
        """Ask the broker once whether nobody has it."""
        try:
            holder = self._holder(self._settings, self._group, self._name)
        except NoAnswer as error:  # then nothing is known
            log.debug("the broker does not tell who has the slot", reason=str(error))
            return False
        if holder is None:
            self.trouble = ""
            return True
        if self._seen_s is None:
            self._seen_s = self._clock()
        if self._clock() - self._seen_s > ALIVE_S and not self.trouble:
            self.trouble = (
                f"another worker runs {self._group} as PLAYHEAD_SLOT={self._name} ({holder}): "
                "this one waits until it ends; give each worker a PLAYHEAD_SLOT of its own"
            )
            log.error("the slot is taken", reason=self.trouble)
        return False
