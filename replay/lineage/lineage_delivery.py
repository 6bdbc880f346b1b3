"""Handing a pass's events over, printed or sent, no more of them in memory than a batch."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile

import click

from replay.lineage.lineage_events import Shape
from replay.lineage.lineage_sender import LineageNotTaken, send_events
from streams.operations.printing import counted

BATCH = 500
"""Events in memory: one takes some 2 KB."""
SPOOLED_BYTES = 2**20
"""Of a document in memory; what is beyond is on the disk."""


class LineageDelivery:
    """Takes events to standard output, or to a collector."""

    def __init__(
        self, url: str | None, key: str = "", *, as_json: bool, batch: int = BATCH
    ) -> None:
        self._url = url
        self._key = key
        self._as_json = as_json
        self._batch = batch
        self.waiting: list[Shape] = []
        """What a collector did not take: at most a batch."""

    def hand_over(self, events: Iterable[Shape]) -> None:
        """Hand over what waits, then these, and take no more of them than are taken from us.

        Raises LineageNotTaken.
        """
        events = iter(events)
        if self._url is not None:
            self._send(events, self._url)
        elif self._as_json:
            _print_document(events)
        else:
            for event in events:
                click.echo(json.dumps(event, ensure_ascii=False))

    def _send(self, events: Iterator[Shape], url: str) -> None:
        sent = 0
        while True:
            self.waiting += islice(events, self._batch - len(self.waiting))
            if not self.waiting:
                break
            try:
                sent += asyncio.run(send_events(self.waiting, url, self._key))
            except LineageNotTaken as error:
                del self.waiting[: error.taken]
                raise
            self.waiting.clear()
        if self._as_json:
            click.echo(json.dumps({"lineage": url, "events": sent}))
        else:
            click.echo(f"{counted(sent, 'event')}: {url}")


def _print_document(events: Iterator[Shape]) -> None:
    """Print one document, once all of it is there: what breaks off before would be none."""
    with SpooledTemporaryFile(SPOOLED_BYTES, "w+", encoding="utf-8") as spooled:
        spooled.write('{"events": [')
        for number, event in enumerate(events):
            spooled.write(f"{', ' if number else ''}{json.dumps(event, ensure_ascii=False)}")
        spooled.write("]}\n")
        spooled.seek(0)
        shutil.copyfileobj(spooled, click.get_text_stream("stdout"))
