"""Documents under another redaction: what of their chunks would have been replaced, and who saw it.

Only redaction is run again, over the chunks as they were cut: nothing is embedded or indexed anew,
and nobody is asked. Who saw a value are those whose questions were answered from its chunk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replay.debugging.recorded_attempts import RecordedAttempt, attempts_in
from replay.lane_reader import LaneReader
from replay.log import Log
from replay.rules import StoredOutcome
from replay.whatif.chain_walk import ChainWalker
from replay.whatif.outside import NotRun
from replay.whatif.recorded_chains import RecordedChain, decoded_events
from schemas import (
    ChunksCut,
    ChunksRedacted,
    ChunksRetrieved,
    Event,
    EventRejected,
    RedactedChunk,
    TokensGenerated,
)
from streams.log.codec import Codec
from streams.topics import step, topic_of

REDACT = step("redact")
OF_DOCUMENTS = (topic_of(ChunksCut), topic_of(ChunksRedacted), topic_of(EventRejected))


@dataclass
class RedactedAnew:
    """What another redaction finds in the chunks of documents."""

    chunks: int = 0
    found: dict[str, Counter[str]] = field(default_factory=dict)
    """Chunk -> kinds of values that it would lose, and did not."""
    lost: Counter[str] = field(default_factory=Counter)
    """Kinds of values that would stand in chunks in plain."""
    not_run: Counter[str] = field(default_factory=Counter)
    """Why batches could not be redacted again."""

    def compare(self, recorded: Sequence[Event], now: Sequence[Event]) -> None:
        """Take in a batch as it was redacted, and as it would be."""
        before, after = _chunks(recorded), _chunks(now)
        self.chunks += len(before)
        for name, chunk in before.items():
            then = {entry.digest: entry.kind for entry in chunk.entries}
            here = {e.digest: e.kind for e in after[name].entries} if name in after else {}
            if more := Counter(kind for key, kind in here.items() if key not in then):
                self.found[name] = more
            self.lost.update(
                kind for key, kind in then.items() if name in after and key not in here
            )

    def as_json(self, chains: Sequence[RecordedChain]) -> dict[str, Any]:
        """Return it for a report, with those who saw what would have been replaced."""
        total = sum(self.found.values(), Counter[str]())
        return {
            "chunks": self.chunks,
            "chunks_changed": len(self.found),
            "found": dict(sorted(total.items())),
            "lost": dict(sorted(self.lost.items())),
            "not_run": dict(self.not_run),
            "seen_by": [told for chain in chains for told in self._seen_by(chain)],
        }

    def _seen_by(self, chain: RecordedChain) -> Iterator[dict[str, Any]]:
        """Tell of one question which passages with such values it was answered from."""
        cited = {
            one.chunk
            for event in chain.outcomes("generate")
            if isinstance(event, TokensGenerated) and event.answer is not None
            for one in event.answer.citations
        }
        released = [event.meta.at for event in chain.outcomes("moderate")]
        for event in chain.outcomes("retrieve"):
            for passage in event.passages if isinstance(event, ChunksRetrieved) else ():
                if passage.chunk in self.found:
                    yield {
                        "request_id": chain.asked.meta.request,
                        "tenant": chain.asked.meta.tenant,
                        "session": chain.asked.meta.session,
                        "subject": chain.asked.subject,
                        "document": passage.document,
                        "chunk": passage.chunk,
                        "kinds": dict(self.found[passage.chunk]),
                        "tokens": passage.tokens,
                        "cited": passage.chunk in cited,
                        "shown_from_us": min(released, default=event.meta.at),
                    }


def _chunks(events: Sequence[Event]) -> dict[str, RedactedChunk]:
    told = [event for event in events if isinstance(event, ChunksRedacted)]
    return {chunk.id: chunk for event in told for chunk in event.chunks}


async def redacted_anew(
    log: Log, codec: Codec, walker: ChainWalker, tenant: str | None
) -> RedactedAnew:
    """Redact the chunks of a log's documents again, of one tenant or of all."""
    found = RedactedAnew()
    for runs in _batches(log, codec, tenant):
        about = walker.about(runs[0].given.event.meta.tenant)
        for run in runs:
            try:
                recorded, now = await walker.run_again(run, about)
            except NotRun as reason:
                found.not_run[str(reason)] += 1
            else:
                found.compare(recorded, now)
    return found


def _batches(log: Log, codec: Codec, tenant: str | None) -> Iterator[list[RecordedAttempt]]:
    """Read the runs of redact over the batches of each document, those that counted."""
    for topic, lane in sorted(log.extents()):
        if topic != topic_of(ChunksCut):
            continue
        reader = LaneReader(log, codec, lane, (REDACT,))
        grouped: defaultdict[str, defaultdict[str, list[StoredOutcome]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for name in OF_DOCUMENTS:
            for stored, event in decoded_events(log, codec, name, lane, None):
                if tenant in {None, event.meta.tenant}:
                    key = f"{event.meta.tenant}\0{event.meta.request}"
                    grouped[key][name].append(StoredOutcome(stored, event))
        for by_topic in grouped.values():
            if runs := list(_counting(reader, by_topic)):
                yield runs


def _counting(
    reader: LaneReader, by_topic: Mapping[str, Sequence[StoredOutcome]]
) -> Iterator[RecordedAttempt]:
    for one in attempts_in(reader, by_topic, (REDACT,)):
        if not one.attempt.superseded and isinstance(one.given.event, ChunksCut):
            yield one
