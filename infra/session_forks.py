"""Forks of conversations: what speaks against one, and its record on the log.

A fork is a fact on the log like a question: `SessionForked`, in the lane of the new session. Two
folds take it into the tables of *rewrite* and *redact*, and from then on whoever asks in that
session goes on from there. Of the conversation that it comes from nothing changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from edge.requests.identity import Identities, stamp
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes
from edge.requests.validity import Refused, check_session, check_tenant, check_user
from replay.forking.recorded_session import CarriedSession, SessionName, begun_with
from replay.log import Log
from replay.proved_records import ProvedRecords
from replay.recorded_erasures import erasures_in
from schemas import SessionForked
from streams.log.codec import Codec
from streams.log.offsets import Offsets, Partition
from streams.log.writing import Position
from streams.operations.erasures.named_subjects import KnowsSubjects, subjects_of_user
from streams.settings import Settings
from streams.topics import FOLDS, group_of, topic_of

EDGE = "fork"
"""Who writes forks, as their records name it."""
TOPIC = topic_of(SessionForked)
READERS = tuple(group_of(fold.beside) for fold in FOLDS if fold.reads is SessionForked)
LOOK_S = 0.3  # between looks at how far the folds are
OFFSETS_S = 10.0
AsksOffsets = Callable[[Settings, dict[str, list[Partition]], list[Partition], float], Offsets]


@dataclass(frozen=True)
class ForkWish:
    """What is to go on where."""

    tenant: str
    session: str
    user: str
    """As API keys call who goes on."""
    live: bool = False
    """Whether the tenant may be one that is no test tenant."""
    values: bool = False
    """Whether placeholders are to keep what stands behind them."""


class ForkDesk:
    """Writes forks; blocks.

    `log` is the log that is written to. Raises Refused for what can't be forked, Transient where
    the broker does not answer, and what reading the log raises.
    """

    def __init__(
        self, settings: Settings, keyring: KnowsSubjects, publisher: Publishes, log: Log
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self._publisher = publisher
        self._log = log
        self._codec = Codec(log.ids)

    def fork(
        self, carried: CarriedSession, wish: ForkWish, *, by: str, source: Log
    ) -> tuple[SessionForked, Position | None]:
        """Put a fork on the log; return it and where it lies, None where it lay there before.

        `source` is the log that `carried` was read from.
        """
        self._check_name(wish)
        subject = subjects_of_user(self._keyring, wish.tenant, wish.user)[-1]
        origin = carried.origin
        if not wish.values:
            carried = carried.without_values()
        elif (wish.tenant, subject) != (origin.tenant, origin.subject):
            raise Refused(
                "values stay with whom they were said to: --with-values goes with --on and --user "
                "of the conversation itself; without it placeholders stay placeholders"
            )
        self._check_people(carried, source)
        about = (origin.tenant, origin.request, str(origin.before), str(wish.values), subject)
        identity = Identities(self._settings.partitions).of_question(
            wish.tenant, subject, wish.session, "|".join(("fork", *about, wish.session))
        )
        name = SessionName(wish.tenant, subject, wish.session, identity.lane)
        known = self._known(name, identity.request)
        if known is not None:
            return known, None
        event = SessionForked(
            meta=stamp(EDGE, identity),
            subject=subject,
            origin=origin,
            turns=carried.turns,
            summary=carried.summary,
            placeholders=carried.placeholders,
            people=carried.people,
            by=by,
        )
        return event, self._publisher.send(event).result(WORD_TIMEOUT_S)

    def _check_name(self, wish: ForkWish) -> None:
        check_tenant(wish.tenant)
        check_session(wish.session)
        check_user(wish.user)
        if not wish.session:
            raise Refused("the new session has no name: give it one with --as")
        tests = self._settings.test_tenants
        if not (wish.live or is_test_tenant(wish.tenant, tests)):
            raise Refused(
                f"{wish.tenant} is no test tenant ({tests or 'there is none'}: "
                "PLAYHEAD_TEST_TENANTS): choose one with --on, or say --live-tenant"
            )

    def _known(self, name: SessionName, request: str) -> SessionForked | None:
        """Return the same fork, where it is on the log; raises Refused for a session in use."""
        for event in begun_with(ProvedRecords(self._log, self._codec), name):
            if not isinstance(event, SessionForked):
                raise Refused(
                    f"session {name.session} of tenant {name.tenant} has begun: a fork needs a new "
                    "one, choose another name with --as"
                )
            if event.meta.id == request:
                return event
            raise Refused(
                f"session {name.session} of tenant {name.tenant} is a fork already, of request "
                f"{event.origin.request}: choose another name with --as"
            )
        return None

    def _check_people(self, carried: CarriedSession, source: Log) -> None:
        """Raise Refused where somebody was erased, or is to be, on whose words it rests.

        An archive may be older than that, so the log that is written to is asked as well.
        """
        logs = [source] if source is self._log else [source, self._log]
        told = [erasures_in(log, Codec(log.ids)) for log in logs]
        for person in carried.people:
            tenant, _, subject = person.partition("/")
            keys = self._keyring.states(tenant, [f"user/{subject}"])
            gone = any(destroyed for _, destroyed in keys.values())
            asked = (one for log in told for one in log.of(tenant, [subject]))
            if gone or any(one.state != "refused" for one in asked):
                raise Refused(
                    f"who said this was erased ({subject[:12]}… of tenant {tenant}): a "
                    "conversation of theirs goes on nowhere"
                )


def is_test_tenant(tenant: str, patterns: str) -> bool:
    """Say whether a tenant is one for tests, by shell patterns with commas between."""
    listed = (one.strip() for one in patterns.split(","))
    return any(fnmatchcase(tenant, one) for one in listed if one)


def taken_in(
    settings: Settings,
    lane: int,
    offset: int,
    limit_s: float,
    ask: AsksOffsets,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until the tables hold a fork; False where they do not in time. Raises NoAnswer."""
    ends_s = time.monotonic() + limit_s
    while True:
        told = ask(settings, {group: [(TOPIC, lane)] for group in READERS}, [], OFFSETS_S)
        if all(told.committed[group][TOPIC, lane] > offset for group in READERS):
            return True
        if time.monotonic() >= ends_s:
            return False
        pause(LOOK_S)
