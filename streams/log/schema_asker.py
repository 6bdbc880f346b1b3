"""Asking a registry what unknown schema ids mean, for who must not wait for it: gateway and steps.

It is asked on threads of its own, so that a registry that is slow, or hangs at some ids, keeps
nobody from what is known. Of an id there are three answers besides "known":

    the registry does not answer   it is asked again, for as long as it takes
    it does not know the id        it is asked again for GRACE_S, since a registry that lags behind
                                   another says so of valid ids; then it is a fact for a while
    there is no room to ask        nothing is known of the id: whoever wants it waits and asks again

Anybody may send any number of ids. So a thread is held by one call alone, not by an id, and tenants
take turns (see `asking_turns`); an id that several tenants want is asked for in the first turn of
any of them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from schemas import Record
from schemas.registry import RegistryAway
from streams.log.asking_turns import ASKED_MAX, AskedId, AskingTurns
from streams.log.codec import Codec, Undecodable
from streams.log.pauses import Pauses, pauses
from streams.watching.logs import logger

log = logger("schemas")

GRACE_S = 5.0
"""For a registry to learn what another of its kind knows: replication takes tenths of a second."""
WANTED_MAX = 4_096
"""Ids that wait for an answer; as many again of tenants that have none yet, one each."""
WANTED_OF_TENANT_MAX = 512
"""Of them for one tenant."""
ASKING_PAUSES: Pauses = partial(pauses, 0.1)
"""Between two questions about an id: the answer may be there in tenths of a second."""


@dataclass
class _Asked:
    """An id that an answer is wanted of."""

    record: type[Record]
    pauses: Iterator[float]
    tenants: set[str] = field(default_factory=set)
    silent: bool = True
    """Whether the registry has not answered, so far or lately."""
    ends_s: float | None = None
    """When its grace ends, if the registry has said that it does not know it."""
    due_s: float | None = None
    """When it is to be asked for next; None while it is."""


class SchemaAsker:
    """Asks for ids; may be used from any thread."""

    def __init__(
        self,
        codec: Codec,
        *,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
        between_tries: Pauses = ASKING_PAUSES,
        told: Callable[[AskedId], object] = bool,
    ) -> None:
        """`told` is called on a thread when an id was answered, was not, or is asked no more."""
        self.codec = codec
        self.grace_s = grace_s
        self._clock = clock
        self._between_tries = between_tries
        self._told = told
        self._asked: dict[AskedId, _Asked] = {}
        self._of_tenant: Counter[str] = Counter()
        self._turns = AskingTurns(self._is_due)
        self._change = threading.Condition()
        self._threads = self._idle = 0
        self._stopped = False

    def ask(self, schema_id: int, record: type[Record], tenant: str) -> bool:
        """Have an id asked for, unless it is known; False where there is no room: ask again later.

        False says nothing of the id.
        """
        key = schema_id, record.SCHEMA
        with self._change:
            if self.codec.known(schema_id, record):
                return True
            asked = self._asked.get(key)
            if asked is None or tenant not in asked.tenants:
                if self._stopped or not self._has_room(tenant):
                    return asked is not None
                if asked is None:
                    asked = self._asked[key] = _Asked(record, self._between_tries())
                    asked.due_s = time.monotonic()
                asked.tenants.add(tenant)
                self._of_tenant[tenant] += 1
                if asked.due_s is not None:
                    self._turns.put(tenant, key, asked.due_s)
                self._change.notify()
            self._staff()
            return True

    def is_asked(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether an id is asked for: it is not known yet, nor refused."""
        return (schema_id, record.SCHEMA) in self._asked

    def is_silent(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether an id is asked for and the registry does not answer."""
        asked = self._asked.get((schema_id, record.SCHEMA))
        return asked is not None and asked.silent

    def is_unknown(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether an id is asked for and the registry says that it does not know it."""
        asked = self._asked.get((schema_id, record.SCHEMA))
        return asked is not None and not asked.silent

    @property
    def any_asked(self) -> bool:
        """Whether any id is asked for."""
        return bool(self._asked)

    @property
    def any_silent(self) -> bool:
        """Whether the registry does not answer about some id that is asked for."""
        return any(asked.silent for asked in list(self._asked.values()))

    def stop(self) -> None:
        """Ask no more; a call that hangs is left to itself."""
        with self._change:
            self._stopped = True
            gone = [key for key, asked in self._asked.items() if asked.due_s is not None]
            for key in gone:
                self._drop(key)
            self._change.notify_all()
        for key in gone:
            self._told(key)

    def _has_room(self, tenant: str) -> bool:
        mine, all_ = self._of_tenant[tenant], self._of_tenant.total()
        if not mine:
            del self._of_tenant[tenant]
            return all_ < 2 * WANTED_MAX
        return mine < WANTED_OF_TENANT_MAX and all_ < WANTED_MAX

    def _is_due(self, key: AskedId, due_s: float) -> bool:
        asked = self._asked.get(key)
        return asked is not None and asked.due_s == due_s

    def _drop(self, key: AskedId) -> None:
        for tenant in self._asked.pop(key).tenants:
            self._of_tenant[tenant] -= 1
            if not self._of_tenant[tenant]:
                del self._of_tenant[tenant]

    # ------------------------------------------------------------------ the threads

    def _staff(self) -> None:
        """See to it that somebody looks after what waits for its turn, while others ask."""
        if self._turns and not self._idle and self._threads < ASKED_MAX:
            threading.Thread(
                target=self._work,
                name=f"schema-{self._threads}",
                daemon=True,  # a registry that hangs must not keep the process from its end
            ).start()
            self._threads += 1
            self._idle += 1

    def _work(self) -> None:
        while (turn := self._next_turn()) is not None:
            tenant, key = turn
            rest_s = self._ask_once(key, self._asked[key])
            with self._change:
                self._turns.done(tenant)
                self._idle += 1
                self._put_back(key, rest_s)
                self._change.notify()
            self._told(key)

    def _next_turn(self) -> tuple[str, AskedId] | None:
        """Wait for a turn; None where this thread is not needed any more."""
        with self._change:
            while self._turns and not self._stopped:
                now_s = time.monotonic()
                if (turn := self._turns.take(now_s)) is not None:
                    self._asked[turn[1]].due_s = None
                    self._idle -= 1
                    self._staff()
                    return turn
                if self._idle > 1:
                    break
                next_s = self._turns.next_s()
                self._change.wait(None if next_s is None else max(0.0, next_s - now_s))
            self._idle -= 1
            self._threads -= 1
            return None

    def _put_back(self, key: AskedId, rest_s: float | None) -> None:
        if rest_s is None or self._stopped:
            self._drop(key)
            return
        asked = self._asked[key]
        asked.due_s = time.monotonic() + rest_s
        for tenant in asked.tenants:
            self._turns.put(tenant, key, asked.due_s)

    def _ask_once(self, key: AskedId, asked: _Asked) -> float | None:
        """Ask; return after how many seconds to ask again, None where it is settled."""
        schema_id = key[0]
        try:
            self.codec.learn(schema_id, asked.record)
        except Undecodable as error:
            return self._rest_of_grace(schema_id, asked, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the id is still unknown
            if not isinstance(error, RegistryAway) or not asked.silent:
                log.warning(
                    "a schema is unknown here and the registry does not answer",
                    schema=schema_id,
                    error=type(error).__name__,
                )
            asked.silent = True
            return next(asked.pauses)
        return None

    def _rest_of_grace(self, schema_id: int, asked: _Asked, error: Undecodable) -> float | None:
        now_s = self._clock()
        if asked.ends_s is None:
            asked.ends_s = now_s + self.grace_s
        asked.silent = False
        if now_s < asked.ends_s:
            return min(next(asked.pauses), asked.ends_s - now_s)
        self.codec.refuse(schema_id, asked.record, str(error))
        log.warning(
            "the registry does not know a schema: what was written under it is passed over for a "
            "while",
            schema=schema_id,
            reason=str(error),
        )
        return None
