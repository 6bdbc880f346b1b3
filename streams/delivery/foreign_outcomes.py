"""Outcomes under a schema that the registry does not know: what they still say of their inputs.

A worker of the next version may have written them, whose schemas the registry that is asked here
has not heard of. That is no reason to run their inputs again: outcomes of both runs would have the
same ids, and nobody could tell them apart. So who takes a lane over waits for the registry as long
as records wait for it (GRACE_S). After that the registry is no help, and the record itself is:
every event begins with its meta, whose beginning, up to `last`, no version has changed. It is read
by our definition, and believed where it says what the record says beside it: its id and request
(headers), its tenant (key), its lane (partition) and the step that reads it back. Whatever passes
that was written by the step, whose input is done; whatever does not is somebody else's bytes.
"""

from __future__ import annotations

import io
import time
from collections.abc import Collection
from functools import cache
from typing import Any, cast

import fastavro
from confluent_kafka import Message
from fastavro.types import Schema

from schemas import Cause, Event, EventRejected
from schemas.definitions import self_contained, without_logical_types
from streams.delivery.history import Outcome
from streams.log.addressing import headers_of
from streams.log.codec import HEADER, Undecodable, schema_id_of
from streams.log.schema_asker import SchemaAsker
from streams.topics import Step, topic_of

ANSWER_S = 1.0
"""For a registry that does well to tell of an id; for one that does not, no thread is kept."""
TICK_S = 0.002
ForeignId = tuple[int, str]
"""A schema id and the record that it should stand for."""
LAST_FIELD = "last"
"""Of what is read: behind it stand a trace and the effects, which newer versions may extend."""


@cache
def _beginning() -> Schema:
    """Return the definition of the beginning of a meta."""
    meta = self_contained("Meta")
    names = [field["name"] for field in meta["fields"]]
    fields = meta["fields"][: names.index(LAST_FIELD) + 1]
    return fastavro.parse_schema(without_logical_types({**meta, "fields": fields}))


def outcome_by_its_meta(message: Message, step: str) -> Outcome | None:
    """Return what a record says of an input of a step; None where it is none of its outcomes."""
    try:
        stream = io.BytesIO((message.value() or b"")[HEADER.size :])
        meta = cast(dict[str, Any], fastavro.schemaless_reader(stream, _beginning(), None))
        headers = dict(headers_of(message))
        told = meta["id"].encode(), meta["request"].encode(), meta["tenant"].encode()
    except Exception:  # noqa: BLE001 - whatever bytes make a reader raise, they are no outcome
        return None
    beside = headers.get("id"), headers.get("request"), message.key()
    if told != beside or meta["lane"] != message.partition() or meta["step"]["name"] != step:
        return None
    if meta["cause"] is None or meta["attempt"] < 1:
        return None
    return Outcome(Cause(**meta["cause"]), meta["attempt"], meta["last"])


class OutcomeReader:
    """Reads what records say of the inputs of one step."""

    def __init__(
        self, asker: SchemaAsker, step: Step, given_up: Collection[ForeignId] = ()
    ) -> None:
        """`given_up`: ids that were asked for until the registry told, or for the grace."""
        self._asker = asker
        self._step = step.name
        kinds: set[type[Event]] = {*step.reads, *step.writes, EventRejected}
        self._kinds = {topic_of(kind): kind for kind in kinds}
        self._given_up = given_up
        self.missing: set[ForeignId] = set()
        """Ids that the registry has not told of yet: what was read is no whole answer."""
        self.is_unsure = False
        """Whether a record was read by no schema: the registry may tell of it by and by."""

    def outcome(self, message: Message) -> Outcome | None:
        """Return what a record tells of an input, and no more: it may hold a megabyte."""
        event, is_foreign = self._open(message)
        if is_foreign:
            return outcome_by_its_meta(message, self._step)
        if event is None or event.meta.cause is None:
            return None
        return Outcome(event.meta.cause, event.meta.attempt, event.meta.last)

    def attempt_of(self, message: Message) -> int:
        """Return which run of the step before wrote an input; 1 for what tells none."""
        event, _ = self._open(message)
        return 1 if event is None else event.meta.attempt

    def id_of(self, message: Message) -> str | None:
        """Return the id of an event; None where there is none."""
        event, is_foreign = self._open(message)
        if is_foreign:
            return dict(headers_of(message)).get("id", b"").decode(errors="replace")
        return None if event is None else event.meta.id

    def _open(self, message: Message) -> tuple[Event | None, bool]:
        """Return an event, or None and whether its schema is what is not known."""
        kind = self._kinds[message.topic() or ""]
        try:
            schema_id = schema_id_of(message.value())
        except Undecodable:
            return None, False
        if not self._is_known(schema_id, kind):
            self.is_unsure = True
            if (schema_id, kind.SCHEMA) in self._given_up:
                return None, True
            self.missing.add((schema_id, kind.SCHEMA))
            return None, False
        try:
            return self._asker.codec.decode(message.value(), kind), False
        except Undecodable:  # refused, or another's bytes under an id of ours
            self.is_unsure = True
            return None, True

    def _is_known(self, schema_id: int, kind: type[Event]) -> bool:
        codec = self._asker.codec
        if codec.known(schema_id, kind) or (schema_id, kind.SCHEMA) in self._given_up:
            return codec.known(schema_id, kind)
        if (schema_id, kind.SCHEMA) not in self.missing and self._asker.ask(schema_id, kind, ""):
            ends_s = time.monotonic() + ANSWER_S
            while not codec.known(schema_id, kind) and time.monotonic() < ends_s:
                if self._asker.is_unknown(schema_id, kind):
                    break
                time.sleep(TICK_S)
        return codec.known(schema_id, kind)
