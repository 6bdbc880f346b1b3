"""Recalled prompts: what a model was asked for an answer, computed again from the log.

The log keeps of a prompt its digest alone: it follows from the passages and from what the step was
answered. So the step is run again on its recorded effects, and no model is asked. What it asks for
is held against the digest of what it asked for then, as always when a step is run again. What that
digest does not bear out was perhaps never asked: it is told in words alone, and not shown.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from confluent_kafka import KafkaException

from agents.errors import Permanent, Transient
from replay.configurations import Configurations
from replay.local_effects import local_handlers
from replay.log import Stored, stored_of
from replay.recorded import RecordedRun
from replay.rerun import Reruns
from replay.rules import Attempt, Rerun, StoredOutcome, attempts_of, least_attempt
from schemas import (
    ChunksRetrieved,
    Effect,
    Event,
    EventRejected,
    Fetched,
    Generate,
    Record,
    StreamRequest,
    TokensGenerated,
)
from schemas.registry import RegistryAway
from streams.log import reading
from streams.log.codec import Codec, Undecodable, open_codec
from streams.log.offsets import Extent, extent_of
from streams.log.reading import records
from streams.running.admit import check_place
from streams.running.run import Input
from streams.settings import Settings
from streams.topics import STEPS, topic_of

RecordPlace = tuple[str, int, int]
"""Topic, partition and offset."""

SILENCE_S = 10.0
"""Of the broker, until a reader is told to come again."""
DIFFERS = (
    "the step asks for something else now than the log has the digest of: `playhead replay debug` "
    "shows where it differs"
)
UNANSWERED = "the run was cut off before the log had an answer, so there is no digest of it"
SPAN_MAX = 20_000
"""Records between the first and the last of one answer that are read through."""
GENERATE = next(step for step in STEPS if ChunksRetrieved in step.reads)


class _ListeningRun(RecordedRun):
    """Answers as its base class does, and notes what models are asked."""

    def __init__(self, *arguments: Any, asked: list[tuple[Generate, bool]], **named: Any) -> None:
        """`asked` is told of each, and whether the record has an answer to just that."""
        super().__init__(*arguments, **named)
        self._asked = asked

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        at = len(self._asked)
        if isinstance(request, Generate):
            self._asked.append((request, False))
        async for part in super()._ask_stream(number, request):
            self._asked[at:] = [(one, True) for one, _ in self._asked[at:]]
            yield part


class RecalledPrompts:
    """Computes prompts again; may be used from any thread, and blocks it."""

    def __init__(
        self, settings: Settings, new_consumer: Callable[..., Any] = reading.new_consumer
    ) -> None:
        self._settings = settings
        self._new_consumer = new_consumer

    def __call__(self, places: Sequence[RecordPlace]) -> list[dict[str, Any]]:
        """Return what models were asked in the runs that left records at some places.

        These are one request's: what *generate* read and what it wrote. `holds` says whether just
        that was asked by the digest on the log: no other is shown. `documents` names those that the
        run found by itself, for whoever shows prompts. Raises Transient or Permanent.
        """
        codec = open_codec(self._settings)
        try:
            with closing(self._new_consumer(self._settings, "prompts")) as consumer:
                configurations = Configurations(_Topics(consumer), codec)
                return prompts_of(
                    _read(consumer, places), codec, configurations, *local_handlers(self._settings)
                )
        except (KafkaException, TimeoutError, RegistryAway) as error:
            raise Transient(
                f"the log can't be read at the moment ({type(error).__name__}): try again"
            ) from None
        except Undecodable as error:
            raise Permanent(str(error)) from None


def prompts_of(
    found: Iterable[Stored],
    codec: Codec,
    configurations: Configurations,
    local: Mapping[Any, Any],
    keyring: Any,
) -> list[dict[str, Any]]:
    """Return what models were asked in the runs whose records these are; raises Undecodable."""
    told: list[dict[str, Any]] = []
    for given, stored, attempt in _runs(found, codec):
        asked: list[tuple[Generate, bool]] = []
        found_by_it = DocumentsFetched()
        reruns = Reruns(
            codec,
            local,
            keyring.digest_key,
            configurations.values,
            make_run=partial(_ListeningRun, asked=asked),
        )
        least = least_attempt(given, stored)
        came = asyncio.run(reruns.rerun(GENERATE, given, stored, attempt, least, found_by_it))
        run = {
            "attempt": attempt.outcomes[0].event.meta.attempt,
            "counts": not attempt.superseded,
            "documents": sorted(found_by_it.documents),
        }
        told += [{**run, **prompt} for prompt in told_prompts(asked, came)]
    return told


class DocumentsFetched:
    """Notes of which documents a run was given passages."""

    def __init__(self) -> None:
        self.documents: set[str] = set()

    def __call__(self, _request: Any, answer: Record) -> None:
        """Take an answer that the log holds."""
        if isinstance(answer, Fetched):
            self.documents.update(passage.document for passage in answer.passages)


def told_prompts(asked: Sequence[tuple[Generate, bool]], came: Rerun) -> list[dict[str, Any]]:
    """Spell what a run asked models where the log bears it out, else why that is not shown."""
    doubt = came.lack or (DIFFERS if came.reason else "")
    told = [
        _prompt(one if holds else None, "" if holds else doubt or UNANSWERED)
        for one, holds in asked
    ]
    if doubt and all(holds for _, holds in asked):  # what it asked for after that is not known
        told.append(_prompt(None, doubt))
    return told


def _prompt(asked: Generate | None, doubt: str) -> dict[str, Any]:
    """Spell what a model was asked, or why that can't be shown."""
    return {
        "prompt": asked.prompt if asked else "",
        "system": asked.system if asked else "",
        "model": asked.model if asked else "",
        "provider": asked.provider if asked else "",
        "route": asked.route if asked else "",
        "max_tokens": asked.max_tokens if asked else 0,
        "digest": hashlib.sha256(asked.prompt.encode()).hexdigest() if asked else "",
        "holds": asked is not None,
        "doubt": doubt,
    }


def _runs(found: Iterable[Stored], codec: Codec) -> Iterator[tuple[Input, Stored, Attempt]]:
    """Sort records into runs of *generate* over their inputs."""
    inputs: dict[int, tuple[Stored, Event]] = {}
    outcomes: defaultdict[int, list[StoredOutcome]] = defaultdict(list)
    for stored in found:
        if stored.topic == topic_of(ChunksRetrieved):
            inputs[stored.offset] = stored, codec.decode(stored.value, ChunksRetrieved)
            continue
        rejected = stored.topic == topic_of(EventRejected)
        outcome = codec.decode(stored.value, EventRejected if rejected else TokensGenerated)
        cause = outcome.meta.cause
        if cause is not None and cause.topic == topic_of(ChunksRetrieved):
            outcomes[cause.offset].append(StoredOutcome(stored, outcome))
    for offset, (stored, event) in sorted(inputs.items()):
        check_place(event, stored.key, stored.partition)
        given = Input(event, stored.topic, stored.partition, offset)
        for attempt in attempts_of(outcomes[offset], least_attempt(given, stored))[0]:
            yield given, stored, attempt


def _read(consumer: Any, places: Sequence[RecordPlace]) -> Iterator[Stored]:
    """Read the records at some places; raises Permanent where they lie too far apart."""
    wanted = set(places)
    offsets: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for topic, partition, offset in places:
        offsets[topic, partition].append(offset)
    extents = [Extent(*at, min(of), max(of) + 1) for at, of in offsets.items()]
    if sum(one.end - one.begin for one in extents) > SPAN_MAX:
        raise Permanent(
            "its records lie too far apart to be read through here: `playhead replay debug` shows "
            "what the step asked"
        )
    for message in records(consumer, extents, SILENCE_S):
        if (message.topic(), message.partition(), message.offset()) in wanted:
            yield stored_of(message)


class _Topics:
    """The log as far as configurations need it."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its end of now."""
        extent = extent_of(self._consumer, topic, partition)
        return map(stored_of, records(self._consumer, [extent], SILENCE_S))
