"""Erasing one person: from a request on the log to `PersonErased`, by steps that may be repeated.

    a hold?                  the request is refused, unless it was begun before: of the person, or
                             of somebody whose document or value it names
    destroy                  the keys that the request itself names
    settle                   a run that had opened a text ends; what it mentions is on the log
    look                     what the log holds of the person
    withdraw, destroy        documents of theirs; the keys that open what was found
    bodies                   outside the log are deleted
    tell                     PersonErased

After a crash it begins again, and comes to the same: the key store knows which erasure destroyed a
key. Whatever else a process keeps of the person is dropped by whoever follows PersonErased
(`erasure_follower`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from connectors.claims import Claims
from schemas import (
    DocumentWithdrawn,
    ErasureRefused,
    Event,
    HeldData,
    Meta,
    PersonErased,
    StepVersion,
)
from streams.log.clock import now_us
from streams.log.ids import outcome_id, request_id
from streams.operations.erasures.erasure_log import ERASE, Erasure, ErasureLog
from streams.operations.erasures.held_people import HeldPeople, held_people
from streams.operations.erasures.holdings import ErasedPerson, Holdings, direct_names
from streams.operations.erasures.named_subjects import KnowsSubjects, subjects_named
from streams.version import CODE
from streams.watching.logs import logger

log = logger("erasures")

KEYS_MAX = 4_000
"""Names of keys in a record: some 300 kB."""
SETTLE_S = 3.0
"""For runs that had opened a text when its key was destroyed; the key store takes a second of it to
tell all processes."""


class ErasesKeys(KnowsSubjects, Protocol):
    """What the executor needs of the keyring."""

    def erase(
        self, tenant: str, erasure: str, names: Iterable[str], *, absent: bool = False
    ) -> tuple[str, ...]:
        """Destroy keys; return all that this erasure has destroyed."""


class ErasureExecutor:
    """Executes requests, one at a time; blocks, so use a thread.

    `write` puts events on the log and returns once the broker has them; `look` reads what there is
    of a person. Raises what they raise: then the request stays open, and is begun again.
    """

    def __init__(
        self,
        keyring: ErasesKeys,
        claims: Claims,
        write: Callable[[Sequence[Event]], None],
        look: Callable[[ErasedPerson, Callable[[str], bool], HeldPeople], Holdings],
        settle: Callable[[], None] = lambda: time.sleep(SETTLE_S),
    ) -> None:
        self._keyring = keyring
        self._claims = claims
        self._write = write
        self._look = look
        self._settle = settle

    def execute(self, erasure: Erasure, known: ErasureLog) -> list[Event]:
        """Erase a person, or say why not; return the outcomes, which are on the log then."""
        asked, person = erasure.asked, erasure.person
        tenant, number = person.tenant, asked.meta.id
        begun = self._keyring.erase(tenant, number, ())
        held = held_people(self._keyring, tenant, known.holds(tenant))
        if not begun and (reason := known.against(person) or self._kept(person, held)):
            log.info("an erasure is refused for a legal hold", tenant=tenant, request=number)
            return self._told(
                [ErasureRefused(meta=_meta(erasure, 0), subject=asked.subject, reason=reason)]
            )
        self._keyring.erase(tenant, number, direct_names(person))
        self._settle()
        found = self._look(person, self._is_subject(person), held)
        self._write(list(_withdrawals(erasure, found)))
        keys = self._keyring.erase(tenant, number, found.names())
        for name in sorted(found.claims):
            self._claims.expire(name, f"erasure {number}")
        log.info("a person is erased", tenant=tenant, request=number, keys=len(keys))
        return self._told(_records(erasure, keys, found.held(), sorted(found.documents)))

    def _kept(self, person: ErasedPerson, held: HeldPeople) -> str:
        """Say which hold keeps what a request names: only the log tells whose a document is."""
        if not held.holds or not (person.values or person.documents):
            return ""
        return self._look(person, self._is_subject(person), held).kept

    def repeat(self, erasure: Erasure) -> None:
        """Destroy again what was destroyed: this key store may be an older copy."""
        tenant = erasure.asked.meta.tenant
        self._keyring.erase(tenant, erasure.asked.meta.id, erasure.keys, absent=True)

    def _told(self, outcomes: Sequence[Event]) -> list[Event]:
        self._write(outcomes)
        return list(outcomes)

    def _is_subject(self, person: ErasedPerson) -> Callable[[str], bool]:
        def is_subject(name: str) -> bool:
            return person.subject in subjects_named(self._keyring, person.tenant, name)

        return is_subject


def _withdrawals(erasure: Erasure, found: Holdings) -> Iterator[DocumentWithdrawn]:
    """Withdraw the person's documents; again, it is the same request again."""
    tenant, number = erasure.asked.meta.tenant, erasure.asked.meta.id
    for document, lane in sorted(found.documents.items()):
        request = request_id(tenant, f"erasure|{number}|{document}")
        yield DocumentWithdrawn(
            meta=Meta(
                id=request,
                tenant=tenant,
                lane=lane,
                request=request,
                session=document,
                at=now_us(),
                step=_writer(),
            ),
            document=document,
            reason=f"erasure {number}",
        )


def _records(
    erasure: Erasure, keys: Sequence[str], held: Sequence[HeldData], documents: Sequence[str]
) -> list[PersonErased]:
    """Tell what was destroyed, in as many records as the names of the keys take.

    Behind those that a crash left: there may be more keys than when they were written.
    """
    told, keys = len(erasure.erased), sorted(set(keys) - set(erasure.keys))
    parts = [keys[at : at + KEYS_MAX] for at in range(0, len(keys), KEYS_MAX)] or [[]]
    return [
        PersonErased(
            meta=_meta(erasure, number, last=number == told + len(parts) - 1),
            subject=erasure.asked.subject,
            keys=tuple(part),
            held=tuple(held) if number == 0 else (),
            documents=tuple(documents) if number == 0 else (),
        )
        for number, part in enumerate(parts, start=told)
    ]


def _meta(erasure: Erasure, ordinal: int, *, last: bool = True) -> Meta:
    """Return the meta of an outcome; all outcomes lie in one partition."""
    asked = erasure.asked.meta
    return Meta(
        id=outcome_id(asked.id, ERASE, ordinal),
        tenant=asked.tenant,
        lane=0,
        request=asked.request,
        session=asked.session,
        cause=erasure.cause,
        at=now_us(),
        step=_writer(),
        ordinal=ordinal,
        last=last,
        trace=asked.trace,
    )


def _writer() -> StepVersion:
    return StepVersion(name=ERASE, code=CODE, configuration="")
