"""Where recorded attempts are run again, one at a time: plainly, or with somebody who watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from replay.debugging.recorded_attempts import RecordedAttempt
from replay.debugging.watched_run import RunWatch, WatchedRun
from replay.differences import difference
from replay.recorded import RecordedRun
from replay.report import EQUAL, Report
from replay.rerun import Reruns
from replay.rules import RecordVerdict, StoredOutcome, verdicts_of
from schemas import Event, Request
from streams.log.codec import Codec
from streams.running.world import Handler


class Workbench:
    """Takes what `replay.rerun.Reruns` takes."""

    def __init__(
        self,
        codec: Codec,
        local: Mapping[type[Request[Any]], Handler],
        digest_key: Callable[[str], bytes],
        configuration: Callable[[str], dict[str, Any]],
    ) -> None:
        self.codec = codec
        self._reruns = partial(Reruns, codec, local, digest_key, configuration)

    def difference(self, outcome: StoredOutcome, computed: Event) -> str:
        """Say what differs between a record and what its step yields; nothing if they are equal."""
        return difference(self.codec, outcome, computed)

    async def run(
        self, one: RecordedAttempt, watch: RunWatch | None = None
    ) -> Sequence[RecordVerdict]:
        """Run an attempt again; return what is said of its records."""
        kind = RecordedRun if watch is None else partial(WatchedRun, watch=watch)
        reruns = self._reruns(make_run=kind)
        came = await reruns.rerun(one.step, one.given, one.stored, one.attempt, one.least)
        return list(verdicts_of(one.attempt, came, self.difference))

    async def report(self, one: RecordedAttempt, watch: RunWatch | None = None) -> Report:
        """Run an attempt again; count what is said of its records."""
        report = Report()
        for verdict in await self.run(one, watch):
            report.records += 1
            report.add(verdict)
        return report

    async def comes_to_its_record(self, one: RecordedAttempt) -> bool:
        """Say whether running an attempt again shows nothing that there is to look into."""
        return (await self.report(one)).status == EQUAL
