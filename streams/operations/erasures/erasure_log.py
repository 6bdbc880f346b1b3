"""What was asked, done, refused and held of people, folded from the log in order of each topic.

A request is done once its last record is there. The first of several requests with one id counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas import (
    Cause,
    ErasureRefused,
    ErasureRequested,
    Event,
    HeldData,
    LegalHoldSet,
    PersonErased,
)
from streams.log.ids import outcome_id
from streams.operations.erasures.holdings import ErasedPerson

OUTCOMES: tuple[type[Event], ...] = (PersonErased, ErasureRefused)
"""In one partition each."""
VOICED: tuple[type[Event], ...] = (LegalHoldSet, ErasureRequested)
"""In the lanes of their tenants; holds first, so that none is overlooked that came before."""
TELLING = (*VOICED, *OUTCOMES)
ERASE = "erase"
"""Who writes the outcomes, as their ids and records name it."""
ErasureName = tuple[str, str]
"""Tenant and request."""
EARLY_MAX = 10_000
"""Outcomes that are kept until their request is read. Of a request whose outcomes are forgotten the
execution is repeated, which comes to the same."""


@dataclass
class Erasure:
    """One request, and what came of it."""

    asked: ErasureRequested
    cause: Cause
    erased: list[PersonErased] = field(default_factory=list)
    refused: ErasureRefused | None = None

    @property
    def person(self) -> ErasedPerson:
        """Who is meant."""
        return ErasedPerson(
            self.asked.meta.tenant,
            self.asked.subject,
            frozenset(self.asked.values),
            frozenset(self.asked.documents),
        )

    @property
    def state(self) -> str:
        """Say how far it is: requested, erased or refused."""
        if self.refused is not None:
            return "refused"
        return "erased" if any(one.meta.last for one in self.erased) else "requested"

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the keys that it destroyed."""
        return tuple(name for one in self.erased for name in one.keys)

    @property
    def held(self) -> tuple[HeldData, ...]:
        """What there was."""
        return self.erased[0].held if self.erased else ()

    @property
    def documents(self) -> tuple[str, ...]:
        """Documents that were erased as a whole."""
        return self.erased[0].documents if self.erased else ()

    @property
    def ended_at(self) -> int:
        """Event time of its end in microseconds; -1 where it has none."""
        if self.refused is not None:
            return self.refused.meta.at
        return self.erased[-1].meta.at if self.state == "erased" else -1


class ErasureLog:
    """All that the log says of erasures."""

    def __init__(self, early_max: int = EARLY_MAX) -> None:
        self.erasures: dict[ErasureName, Erasure] = {}
        """By tenant and request, in the order in which they were read."""
        self._holds: dict[tuple[str, str], LegalHoldSet] = {}
        self._early: OrderedDict[ErasureName, list[PersonErased | ErasureRefused]] = OrderedDict()
        """Outcomes that were read before what they are of."""
        self._early_count, self._early_max = 0, early_max

    def take(self, event: Event, topic: str, partition: int, offset: int) -> None:
        """Take in a record that lies there."""
        match event:
            case LegalHoldSet():
                self._holds[event.meta.tenant, event.subject] = event
            case ErasureRequested():
                cause = Cause(topic=topic, partition=partition, offset=offset, id=event.meta.id)
                whose = event.meta.tenant, event.meta.request
                self.erasures.setdefault(whose, Erasure(event, cause))
                early = self._early.pop(whose, [])
                self._early_count -= len(early)
                for one in early:
                    self._take_outcome(one)
            case PersonErased() | ErasureRefused():
                self._take_outcome(event)

    def _take_outcome(self, event: PersonErased | ErasureRefused) -> None:
        whose = event.meta.tenant, event.meta.request
        erasure = self.erasures.get(whose)
        if erasure is None:
            self._keep_early(whose, event)
        elif erasure.state != "requested" or against_request(event, erasure.asked):
            return  # it has its end, or this is nobody's: a verification says so
        elif isinstance(event, ErasureRefused):
            erasure.refused = event
        elif event.meta.ordinal == len(erasure.erased):  # a copy is passed over
            erasure.erased.append(event)

    def _keep_early(self, whose: ErasureName, event: PersonErased | ErasureRefused) -> None:
        """Keep an outcome for its request, and no more than so many: the oldest name goes first."""
        self._early.setdefault(whose, []).append(event)
        self._early_count += 1
        while self._early_count > self._early_max:
            _, forgotten = self._early.popitem(last=False)
            self._early_count -= len(forgotten)

    def pending(self) -> list[Erasure]:
        """List what was asked and is not done."""
        return [one for one in self.erasures.values() if one.state == "requested"]

    def done(self) -> list[Erasure]:
        """List what was done."""
        return [one for one in self.erasures.values() if one.state == "erased"]

    def of(self, tenant: str, subjects: Iterable[str]) -> list[Erasure]:
        """List what was asked of a person, whatever they were called, oldest first."""
        wanted = set(subjects)
        found = [
            one
            for (whose, _), one in self.erasures.items()
            if whose == tenant and one.asked.subject in wanted
        ]
        return sorted(found, key=lambda one: one.asked.meta.at)

    def holds(self, tenant: str) -> Iterator[LegalHoldSet]:
        """List the holds of a tenant that are in force, by subject."""
        for (whose, _), hold in sorted(self._holds.items()):
            if whose == tenant and hold.held:
                yield hold

    def against(self, person: ErasedPerson) -> str:
        """Say which hold forbids an erasure; nothing where none does."""
        for hold in self.holds(person.tenant):
            reason = hold.reason or "no reason was given"
            if hold.subject == person.subject:
                return reason
            if person.values.intersection(hold.values):
                return f"{reason} (a value of {hold.subject[:12]}…, who is held)"
            if person.documents.intersection(hold.documents):
                return f"{reason} (a document of {hold.subject[:12]}…, who is held)"
        return ""


def against_request(event: PersonErased | ErasureRefused, asked: ErasureRequested) -> str:
    """Say what speaks against an outcome's being a request's; empty where nothing does.

    What it names is destroyed on every host, and left out of every index.
    """
    if (event.meta.tenant, event.subject) != (asked.meta.tenant, asked.subject):
        return "it is about another person than its request"
    if event.meta.request != asked.meta.request or event.meta.step.name != ERASE:
        return "it says that it is of another request, or of another writer"
    if event.meta.id != outcome_id(asked.meta.id, ERASE, event.meta.ordinal):
        return "its id is not that of its request and place"
    keys = event.keys if isinstance(event, PersonErased) else ()
    if not all(_may_destroy(asked.subject, one) for one in keys):
        return "it says that another person's key was destroyed, or what is no key of theirs"
    return ""


def _may_destroy(subject: str, key: str) -> bool:
    """Tell whether an erasure of a subject may destroy a key of this name."""
    return key == f"user/{subject}" or key.startswith(("document/", "value/"))
