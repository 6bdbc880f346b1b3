"""The desk where people are asked to be erased or held; by command line and gateway alike.

What is asked is a record on the log, and a worker executes it. What is known of a person is read
from the log each time: that is seldom, and there is little of it.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from typing import Any

from agents.errors import Transient
from edge.erasing.named_person import NamedPerson, named_person
from edge.requests.identity import Identity, stamp
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes
from edge.requests.validity import Refused
from schemas import ErasureRequested, Event, HeldData, LegalHoldSet
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.operations.erasures.erasure_log import Erasure, ErasureLog
from streams.operations.erasures.holdings import direct_names
from streams.operations.erasures.named_subjects import KnowsSubjects

LOOK_S = 0.5  # between looks at whether a request is done
REASON_MAX = 200


class UnknownPerson(Refused):
    """Nothing is held of whoever was named."""


class PersonHeld(Refused):
    """A legal hold forbids the erasure."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a legal hold forbids the erasure: {reason}; nothing was touched. "
            "`playhead erase release` ends it"
        )


@dataclass(frozen=True)
class PersonState:
    """How it stands with a person."""

    state: str
    """unknown, active, held, requested or erased."""
    reason: str = ""
    """Of the hold."""
    erasure: Erasure | None = None
    """The newest that was asked for."""


class ErasureDesk:
    """Asks for people to be erased or held. Blocks; may be called from several threads.

    `read` gives what the log says of erasures; its errors are raised here, too. Raises Refused for
    what can't be taken in, Transient where the broker does not answer.
    """

    def __init__(
        self,
        keyring: KnowsSubjects,
        publisher: Publishes,
        read: Callable[[], ErasureLog],
        partitions: int,
        *,
        edge: str,
    ) -> None:
        self._keyring = keyring
        self._publisher = publisher
        self._read = read
        self._partitions = partitions
        self._edge = edge

    def person(self, tenant: str, name: str, *, by_name: bool = False) -> NamedPerson:
        """Find out who is meant by a name, or by a digest unless `by_name`."""
        return named_person(self._keyring, tenant, name, by_name=by_name)

    def look(self, named: NamedPerson) -> PersonState:
        """Say how it stands with a person."""
        self._check_documents(named)
        return self._state(named, self._read())

    def ask(self, named: NamedPerson, *, by: str, reason: str = "") -> PersonState:
        """Ask for a person to be erased, unless that was done; raises UnknownPerson, PersonHeld."""
        check_reason(reason)
        self._check_documents(named)
        known = self._read()
        state = self._state(named, known)
        if state.state == "unknown":
            raise UnknownPerson(
                "nothing is held of this person: no message of a user of this name, and no such "
                "value or document; name the user as `playhead keys list` does, or their values "
                "with --value"
            )
        if state.state == "held":
            raise PersonHeld(state.reason)
        if state.state in {"requested", "erased"}:
            return state
        event = self._request(named, known, by=by, reason=reason)
        self._put(event)
        mine = (event.meta.tenant, event.meta.request)
        return PersonState("requested", erasure=self._read().erasures.get(mine))

    def wait(self, named: NamedPerson, limit_s: float) -> PersonState:
        """Wait until nothing that was asked of a person is open, or the time is over."""
        ends_s = time.monotonic() + limit_s
        while True:
            state = self.look(named)
            if state.state != "requested" or time.monotonic() > ends_s:
                return state
            time.sleep(LOOK_S)

    def hold(self, named: NamedPerson, *, held: bool, by: str, reason: str = "") -> LegalHoldSet:
        """Forbid a person's erasure, or allow it again; the same again changes nothing."""
        check_reason(reason)
        self._check_documents(named)
        before = {one.subject: one for one in self._read().holds(named.tenant)}.get(named.subject)
        if not held and before is None:
            raise Refused("there is no hold on this person: `playhead erase holds` lists them")
        values = tuple(sorted(named.values)) if held else ()
        documents = tuple(sorted(named.documents)) if held else ()
        said = (reason, values, documents)
        if before is not None and held and said == (before.reason, before.values, before.documents):
            return before
        event = LegalHoldSet(
            meta=stamp(self._edge, self._identity(named, f"hold|{uuid.uuid4()}")),
            subject=named.subject,
            held=held,
            values=values,
            reason=reason,
            by=by,
            documents=documents,
        )
        self._put(event)
        return event

    def is_user(self, named: NamedPerson) -> bool:
        """Tell whether a user of this name wrote anything that was not erased."""
        states = self._keyring.states(named.tenant, [f"user/{named.subject}"])
        return any(not destroyed for _, destroyed in states.values())

    def holds(self, tenant: str) -> list[LegalHoldSet]:
        """List the holds of a tenant that are in force."""
        return list(self._read().holds(tenant))

    # ------------------------------------------------------------------ how it stands

    def _state(self, named: NamedPerson, known: ErasureLog) -> PersonState:
        asked = known.of(named.tenant, named.subjects)
        newest = asked[-1] if asked else None
        opened = next((one for one in asked if one.state == "requested"), None)
        if opened is not None:
            return PersonState("requested", erasure=opened)
        if self._is_in_use(named):
            if reason := known.against(named.person):
                return PersonState("held", reason, newest)
            return PersonState("active", erasure=newest)
        if newest is not None and newest.state == "erased":
            return PersonState("erased", erasure=newest)
        return PersonState("unknown", erasure=newest)

    def _check_documents(self, named: NamedPerson) -> None:
        """Raise Refused for a document that never was: a slip of the pen must not pass for done."""
        keys = {f"document/{one}": one for one in sorted(named.documents)}
        known = self._keyring.states(named.tenant, list(keys))
        if unknown := [one for key, one in keys.items() if key not in known]:
            raise Refused(
                f"no document {unknown[0]!r} in this tenant: name it by its id, as "
                "`GET /v1/documents` tells"
            )

    def _is_in_use(self, named: NamedPerson) -> bool:
        """Tell whether there is any key that an erasure would destroy."""
        states = self._keyring.states(named.tenant, direct_names(named.person))
        return any(not destroyed for _, destroyed in states.values())

    # ------------------------------------------------------------------ what is written

    def _request(
        self, named: NamedPerson, known: ErasureLog, *, by: str, reason: str
    ) -> ErasureRequested:
        """Build a request: who asks for the same at the same time asks for one erasure."""
        values, documents = tuple(sorted(named.values)), tuple(sorted(named.documents))
        before = len(known.of(named.tenant, [named.subject]))
        what = hashlib.sha256("|".join((*values, "", *documents)).encode()).hexdigest()
        identity = self._identity(named, f"erase|{named.subject}|{before}|{what}")
        return ErasureRequested(
            meta=stamp(self._edge, identity),
            subject=named.subject,
            values=values,
            documents=documents,
            reason=reason,
            by=by,
        )

    def _identity(self, named: NamedPerson, fingerprint: str) -> Identity:
        tenant, subject = named.tenant, named.subject
        lane = lane_of(tenant, subject, self._partitions)
        return Identity(request_id(tenant, fingerprint), tenant, subject, subject, lane)

    def _put(self, event: Event) -> None:
        try:
            self._publisher.send(event).result(WORD_TIMEOUT_S)
        except TookTooLong:
            raise Transient("the broker did not answer: try again") from None


def check_reason(reason: str) -> None:
    """Check the words that go onto the log; raises Refused."""
    if len(reason) > REASON_MAX or not reason.isprintable():
        raise Refused(f"the reason has at most {REASON_MAX} characters, in one line")


def report_of(named: NamedPerson, state: PersonState) -> dict[str, Any]:
    """Return what a person is told: what was held, since when, and what was destroyed."""
    erasure = state.erasure
    told: dict[str, Any] = {"tenant": named.tenant, "subject": named.subject, "state": state.state}
    if state.reason:
        told["reason"] = state.reason
    if erasure is None or state.state in {"active", "held"}:
        return told
    return {
        **told,
        "subject": erasure.asked.subject,
        "request_id": erasure.asked.meta.request,
        "requested_at": instant(erasure.asked.meta.at),
        "erased_at": instant(erasure.ended_at) if state.state == "erased" else None,
        "held": [held_json(one) for one in erasure.held],
        "keys_destroyed": len(erasure.keys),
        "documents": list(erasure.documents),
    }


def held_json(one: HeldData) -> Mapping[str, Any]:
    """Spell what was held of one kind."""
    return {
        "kind": one.kind,
        "count": one.count,
        "since": instant(one.since),
        "shared": one.shared,
    }


def instant(at_us: int) -> str:
    """Spell microseconds since the epoch as RFC 3339, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_us / 1_000_000))
