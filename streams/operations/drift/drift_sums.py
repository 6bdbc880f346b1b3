"""Sums over a tenant's questions of an hour, and of a window of hours: what drift is told from.

Sums can be added and forgotten; no text is among them. A value falls into one of a few bins, fixed
for good, so that windows compare.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas import AnswerReleased, ChunksRetrieved, Embed, Embedded, Event
from streams.log.codec import Codec, Undecodable

HOUR_US = 3_600_000_000
LENGTH_BINS = (15, 30, 60, 120, 240, 480)
"""Characters of a question, from each on."""
SCORE_BINS = tuple(n / 10 for n in range(1, 10))
"""Of a score from 0 to 1."""
UNANSWERED = frozenset({"not_found", "refused"})
NOT_COUNTED = frozenset({"search", "small_talk", "cancelled"})
LANGUAGES_MAX = 32
"""Of an hour; there are some ten, and a record may say anything."""
OTHERS = "other"
QueryVector = npt.NDArray[np.float64]


@dataclass
class DriftSums:
    """What is counted; adding is all that is done with it."""

    questions: int = 0
    answers: int = 0
    unanswered: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    lengths: Counter[str] = field(default_factory=Counter)
    relevances: Counter[str] = field(default_factory=Counter)
    supports: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    relevance: float = 0.0
    support: float = 0.0
    supported: int = 0
    """Answers that have a support: those that were given."""
    vectors: int = 0
    vector: QueryVector | None = None
    """Sum of the questions' vectors; None before the first."""

    def add(self, other: DriftSums) -> None:
        """Add another's sums."""
        self.questions += other.questions
        self.answers += other.answers
        self.unanswered += other.unanswered
        self.languages += other.languages
        self.lengths += other.lengths
        self.relevances += other.relevances
        self.supports += other.supports
        self.characters += other.characters
        self.relevance += other.relevance
        self.support += other.support
        self.supported += other.supported
        if other.vector is not None:
            self._add_vector(other.vector, other.vectors)

    def take_retrieval(self, event: ChunksRetrieved, codec: Codec) -> None:
        """Count a question."""
        self.questions += 1
        language = event.language or "unknown"
        known = language in self.languages or len(self.languages) < LANGUAGES_MAX
        self.languages[language if known else OTHERS] += 1
        self.characters += len(event.question)
        self.lengths[_bin(len(event.question), LENGTH_BINS)] += 1
        self.relevance += event.relevance
        self.relevances[_bin(event.relevance, SCORE_BINS)] += 1
        vector = query_vector(event, codec)
        if vector is not None:
            self._add_vector(vector, 1)

    def take_answer(self, event: AnswerReleased) -> None:
        """Count an answer, or that there was none."""
        self.answers += 1
        if event.answer.finish_reason in UNANSWERED:
            self.unanswered += 1
            return
        self.supported += 1
        self.support += event.answer.support
        self.supports[_bin(event.answer.support, SCORE_BINS)] += 1

    def _add_vector(self, vector: QueryVector, count: int) -> None:
        if self.vector is None or self.vector.shape != vector.shape:
            # another model: its vectors can't be compared, and the newer ones count
            self.vector, self.vectors = vector.copy(), count
        else:
            self.vector = self.vector + vector
            self.vectors += count


def _bin(value: float, bins: tuple[float, ...]) -> str:
    number = bisect_right(bins, value)
    return "0" if number == 0 else f"{bins[number - 1]:g}"


def query_vector(event: ChunksRetrieved, codec: Codec) -> QueryVector | None:
    """Return the vector that a query was searched by, as the record's effects hold it."""
    for effect in event.meta.effects:
        if effect.kind != Embed.SCHEMA or effect.response is None:
            continue
        try:
            embedded = codec.decode(effect.response, Embedded)
            vector = np.frombuffer(embedded.vectors[0], "<f4").astype(np.float64)
        except (Undecodable, IndexError, ValueError):
            return None
        return vector if len(vector) and np.isfinite(vector).all() else None
    return None


class HourlySums:
    """The sums of each tenant by the hour; records may come in any order."""

    def __init__(self, codec: Codec, tenants_max: int) -> None:
        self._codec = codec
        self._tenants_max = tenants_max
        self._hours: defaultdict[str, dict[int, DriftSums]] = defaultdict(dict)
        self._seen: defaultdict[int, set[int]] = defaultdict(set)
        """Hour -> hashes of ids: of a retried input there are several records, and one counts."""

    @property
    def tenants(self) -> list[str]:
        """Name the tenants that have any."""
        return sorted(self._hours)

    def take(self, event: Event) -> None:
        """Count a record; those of other kinds say nothing here."""
        hour, tenant = event.meta.at // HOUR_US, event.meta.tenant
        if tenant not in self._hours and len(self._hours) >= self._tenants_max:
            return
        if (seen := hash(event.meta.id)) in self._seen[hour]:
            return
        match event:
            case ChunksRetrieved(outcome="retrieved" | "empty") if event.ask.mode == "answer":
                self._sums(tenant, hour).take_retrieval(event, self._codec)
            case AnswerReleased() if event.answer.finish_reason not in NOT_COUNTED:
                self._sums(tenant, hour).take_answer(event)
            case _:
                return
        self._seen[hour].add(seen)

    def _sums(self, tenant: str, hour: int) -> DriftSums:
        return self._hours[tenant].setdefault(hour, DriftSums())

    def forget(self, before_us: int) -> None:
        """Forget hours that ended before a time, and tenants that have no other."""
        oldest = before_us // HOUR_US
        for hour in [hour for hour in self._seen if hour < oldest]:
            del self._seen[hour]
        for tenant in self.tenants:
            hours = self._hours[tenant]
            for hour in [hour for hour in hours if hour < oldest]:
                del hours[hour]
            if not hours:
                del self._hours[tenant]

    def window(self, tenant: str, begin_us: int, end_us: int) -> DriftSums:
        """Add up the hours of a tenant that begin within a window."""
        hours = self._hours.get(tenant, {})
        return added(hours[hour] for hour in sorted(hours) if begin_us <= hour * HOUR_US < end_us)


def added(sums: Iterable[DriftSums]) -> DriftSums:
    """Return the sum of some sums, in their order."""
    total = DriftSums()
    for one in sums:
        total.add(one)
    return total
