"""Receipts for whoever serves answers: of records on the broker, by the seal of a run folder."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import msgspec
from confluent_kafka import KafkaException

from agents.errors import Permanent, Transient
from replay.log import Stored, stored_of
from replay.seal.note import BadNote
from replay.seal.proving import NotSealed, proved, signed_for
from replay.seal.seal_folder import SealFolder
from streams.log.offsets import Extent
from streams.log.reading import new_consumer, records
from streams.settings import Settings

SILENCE_S = 10.0
"""Of the broker, until a reader is told to come again."""


class AnswerReceipts:
    """Makes receipts; may be used from any thread, and blocks it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = SealFolder(settings.seal_path)

    def __call__(
        self, place: tuple[str, int, int], *, request: str, text: str
    ) -> dict[str, Any] | None:
        """Return the receipt of a record at topic, partition and offset, as JSON has it.

        None where no checkpoint covers it yet. Raises Transient where broker or disk do not answer,
        and Permanent where the record is not the one that was signed, or the seal is none.
        """
        try:
            keys = self._folder.keys()
            signed = signed_for(self._folder, place, keys)
            receipt = proved(
                self._record(place), self._folder, signed, keys, request=request, text=text
            )
        except NotSealed:
            return None
        except BadNote as error:
            raise Permanent(f"the seal can't be believed: {error}") from None
        told: dict[str, Any] = msgspec.to_builtins(receipt)
        return told

    def _record(self, place: tuple[str, int, int]) -> Stored:
        topic, partition, offset = place
        try:
            with closing(new_consumer(self._settings, "receipts")) as consumer:
                wanted = Extent(topic, partition, offset, offset + 1)
                for message in records(consumer, [wanted], SILENCE_S):
                    return stored_of(message)
        except (KafkaException, TimeoutError) as error:
            raise Transient(
                f"the log can't be read at the moment ({type(error).__name__}): try again"
            ) from None
        raise Permanent(f"{topic}[{partition}] holds no record at {offset} any more")
