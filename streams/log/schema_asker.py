"""Asking a registry what unknown schema ids mean, for who must not wait for it: gateway and steps.

Each id is asked for on a thread of its own, so that a registry that is slow, or hangs at one id,
keeps nobody from what is known, nor from other ids.

    the registry does not answer   it is asked again, for as long as it takes
    it does not know the id        it is asked again for GRACE_S, since a registry that lags behind
                                   another says so of valid ids; then it is a fact for a while

A tenant may have only so many ids asked for at once: anybody may send any number of them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas import Record
from schemas.registry import RegistryAway
from streams.log.codec import Codec, Undecodable
from streams.watching.logs import logger

log = logger("schemas")

GRACE_S = 5.0
"""For a registry to learn what another of its kind knows: replication takes tenths of a second."""
ASKED_MAX = 64
"""Ids asked for at once, each by a thread."""
ASKED_OF_TENANT_MAX = 16
"""Of them for one tenant: more than a release adds at once to what a topic's readers meet."""
PAUSE_S = 0.1
PAUSE_MAX_S = 5.0

AskedId = tuple[int, str]
"""A schema id and the record that it is to stand for."""


@dataclass
class _Asked:
    tenant: str
    silent: bool = True
    """Whether the registry has not answered, so far or lately."""


def growing() -> Iterator[float]:
    """Return pauses in seconds, each twice the one before, up to a bound."""
    pause_s = PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


class SchemaAsker:
    """Asks for ids; may be used from any thread."""

    def __init__(
        self,
        codec: Codec,
        *,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
        between_tries: Callable[[], Iterator[float]] = growing,
        told: Callable[[AskedId], object] = bool,
    ) -> None:
        """`told` is called on an id's thread when it was answered, was not, or is asked no more."""
        self.codec = codec
        self.grace_s = grace_s
        self._clock = clock
        self._between_tries = between_tries
        self._told = told
        self._asked: dict[AskedId, _Asked] = {}
        self._of_tenant: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def ask(self, schema_id: int, record: type[Record], tenant: str) -> bool:
        """Have an id asked for, unless it is known or asked for; False where too many are."""
        key = schema_id, record.SCHEMA
        with self._lock:
            if key in self._asked or self.codec.known(schema_id, record):
                return True
            if len(self._asked) >= ASKED_MAX or self._of_tenant[tenant] >= ASKED_OF_TENANT_MAX:
                return False
            asked = self._asked[key] = _Asked(tenant)
            self._of_tenant[tenant] += 1
        threading.Thread(
            target=self._until_known,
            args=(schema_id, record, asked),
            name=f"schema-{schema_id}",
            daemon=True,  # a registry that hangs must not keep the process from its end
        ).start()
        return True

    def is_asked(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether an id is asked for: it is not known yet, nor refused."""
        return (schema_id, record.SCHEMA) in self._asked

    def is_silent(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether an id is asked for and the registry does not answer."""
        asked = self._asked.get((schema_id, record.SCHEMA))
        return asked is not None and asked.silent

    def is_unknown(self, schema_id: int, record: type[Record]) -> bool:
        """Tell whether the registry does not know an id, or such ids leave no room to ask."""
        asked = self._asked.get((schema_id, record.SCHEMA))
        if asked is not None:
            return not asked.silent
        return not self.codec.known(schema_id, record) and not self.any_silent

    @property
    def any_silent(self) -> bool:
        """Whether the registry does not answer about some id that is asked for."""
        return any(asked.silent for asked in list(self._asked.values()))

    def stop(self) -> None:
        """Ask no more; a call that hangs is left to itself."""
        self._stopping.set()

    def _until_known(self, schema_id: int, record: type[Record], asked: _Asked) -> None:
        try:
            self._ask_on(schema_id, record, asked)
        finally:
            with self._lock:
                del self._asked[schema_id, record.SCHEMA]
                self._of_tenant[asked.tenant] -= 1
                if not self._of_tenant[asked.tenant]:
                    del self._of_tenant[asked.tenant]
            self._told((schema_id, record.SCHEMA))

    def _ask_on(self, schema_id: int, record: type[Record], asked: _Asked) -> None:
        ends_s: float | None = None
        for pause_s in self._between_tries():
            try:
                self.codec.learn(schema_id, record)
            except Undecodable as error:
                now_s = self._clock()
                ends_s = now_s + self.grace_s if ends_s is None else ends_s
                asked.silent = False
                if now_s >= ends_s:
                    self.codec.refuse(schema_id, record, str(error))
                    log.warning(
                        "the registry does not know a schema: what was written under it is passed "
                        "over for a while",
                        schema=schema_id,
                        reason=str(error),
                    )
                    return
                rest_s = min(pause_s, ends_s - now_s)
            except Exception as error:  # noqa: BLE001 - whatever it is, the id is still unknown
                if not isinstance(error, RegistryAway) or not asked.silent:
                    log.warning(
                        "a schema is unknown here and the registry does not answer",
                        schema=schema_id,
                        error=type(error).__name__,
                    )
                asked.silent, rest_s = True, pause_s
            else:
                return
            self._told((schema_id, record.SCHEMA))
            if self._stopping.wait(rest_s):
                return
