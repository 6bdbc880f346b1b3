"""A dead letter, what became of it, and which ones are meant; nothing here reads the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from schemas import EventRejected
from streams.running.admit import INBOX_TOPICS

RecordAt = tuple[str, int, int]
"""Topic, partition and offset of a record."""

Status = Literal["open", "waiting", "rejected again", "done"]
"""What became of a dead letter: never put back; put back and not finished; rejected once more; or
its step has run to the end."""


class NoSuchLetter(LookupError):
    """No dead letter, or more than one, fits; the message says what to do."""


@dataclass
class Letter:
    """A dead letter and what became of it."""

    event: EventRejected
    partition: int
    """Where it lies on the dead-letter topic."""
    offset: int
    copies: list[int] = field(default_factory=list)
    """Offsets at which it was put back, in its own lane."""
    status: Status = "open"

    @property
    def id(self) -> str:
        """Its id; runs over the same input that were rejected at the same place share it."""
        return self.event.meta.id

    @property
    def position(self) -> RecordAt:
        """Where the record lies that was rejected."""
        return self.event.topic, self.event.partition, self.event.offset

    def as_json(self) -> dict[str, Any]:
        """Return what a list shows."""
        event = self.event
        return {
            "id": self.id,
            "time": instant(event.meta.at),
            "tenant": event.meta.tenant,
            "request": event.meta.request,
            "step": event.step,
            "error": event.error,
            "message": event.message,
            "attempts": event.attempts,
            "status": self.status,
            "retried": bool(self.copies),
            "topic": event.topic,
            "partition": event.partition,
            "offset": event.offset,
        }


@dataclass(frozen=True)
class Filters:
    """Which dead letters are meant; None means all."""

    tenant: str | None = None
    step: str | None = None
    error: str | None = None
    request: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def takes(self, event: EventRejected) -> bool:
        """Say whether a dead letter is meant."""
        meta = event.meta
        return (
            (self.tenant is None or meta.tenant == self.tenant)
            and (self.step is None or event.step == self.step)
            and (self.error is None or event.error == self.error)
            and (self.request is None or meta.request == self.request)
            and (self.since_us is None or meta.at >= self.since_us)
            and (self.until_us is None or meta.at < self.until_us)
        )


def instant(at_us: int) -> str:
    """Spell a time in UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


# ---------------------------------------------------------------------- which letter


def resolve(letters: Sequence[Letter], prefix: str) -> Letter:
    """Return the one dead letter whose id begins with `prefix`; of equal ids the newest.

    Raises NoSuchLetter.
    """
    fitting = [letter for letter in letters if prefix and letter.id.startswith(prefix.lower())]
    ids = sorted({letter.id for letter in fitting})
    if not ids:
        raise NoSuchLetter(
            f"no dead letter has an id that begins with {prefix!r}: `playhead dead-letters list` "
            "shows them"
        )
    if len(ids) > 1:
        raise NoSuchLetter(
            f"{prefix!r} begins the ids of {len(ids)} dead letters ({', '.join(ids[:3])}"
            f"{', …' if len(ids) > 3 else ''}): give more characters"
        )
    return max(fitting, key=lambda letter: letter.event.meta.attempt)


def all_open(letters: Sequence[Letter], filters: Filters) -> list[Letter]:
    """Return those that are meant and can be put back, in the order of their lanes.

    So what belongs to one session keeps its order. Raises NoSuchLetter where there is none.
    """
    fitting = [one for one in letters if filters.takes(one.event) and not unfit(one)]
    if not fitting:
        raise NoSuchLetter(
            "no dead letter that is open fits and can be put back: "
            "`playhead dead-letters list` shows what became of them"
        )
    return sorted(fitting, key=lambda one: one.position)


def named(letters: Sequence[Letter], prefixes: Sequence[str]) -> list[Letter]:
    """Return the letters whose ids begin so, each once; raises NoSuchLetter unless all are fit."""
    chosen = {one.position: one for one in (resolve(letters, prefix) for prefix in prefixes)}
    for letter in chosen.values():
        if why := unfit(letter):
            raise NoSuchLetter(f"{short(letter.id)} can't be put back: {why}")
    return list(chosen.values())


def short(letter_id: str) -> str:
    """Cut an id short for a terminal: some 2**48 values are left, so it is hardly ambiguous."""
    return letter_id[:13]


# ---------------------------------------------------------------------- what became of it


def settle(
    letters: Sequence[Letter],
    copies: Mapping[RecordAt, Sequence[int]],
    closed: frozenset[RecordAt],
) -> None:
    """Work out what became of each letter.

    `copies`: position of a rejected record -> offsets at which it was put back.
    `closed`: positions whose step has run to its end.
    """
    rejected = {letter.position for letter in letters}
    for letter in letters:
        topic, partition, _ = letter.position
        letter.copies = sorted(copies.get(letter.position, ()))
        positions = {(topic, partition, offset) for offset in letter.copies}
        if positions & closed:
            letter.status = "done"
        elif positions & rejected:
            letter.status = "rejected again"
        else:
            letter.status = "waiting" if positions else "open"


def unfit(letter: Letter) -> str:
    """Say why a letter can't be put back, or nothing where it can."""
    event = letter.event
    if event.topic in INBOX_TOPICS:
        return (
            "its bytes were not kept, since an inbox may hold plain text: let the producer send "
            "it again"
        )
    if event.value is None:
        return "the record had no value: there is nothing to run again"
    match letter.status:
        case "done":
            return "it was put back before and its step has run to the end: nothing is left to do"
        case "waiting":
            return (
                f"it was put back before, as {event.topic}[{event.partition}]@{letter.copies[-1]}, "
                f"and waits for its step: is a worker with {event.step} running?"
            )
        case "rejected again":
            return "it was put back before and rejected again: retry the newer dead letter"
    return ""
