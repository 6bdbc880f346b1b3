"""What the log holds of a person, and which keys open it.

Events come topic by topic, all of FIRST before all of SECOND: whose own a value is must be known
before it is asked who else mentions it. So no more is in memory than the person's own.

Why it is so: a value's key is everybody's who mentions it. What only the person's own conversations
and documents mention goes with them; what others mention too stays, unless it was named as the
person's: then it goes from everybody's maps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from schemas import (
    AnswerJudged,
    AnswerReleased,
    CallTool,
    ChunksRedacted,
    DocumentSubmitted,
    Event,
    FeedbackGiven,
    HeldData,
    MapEntry,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    TokensGenerated,
    ToolAnswered,
)
from streams.log.codec import Codec, Undecodable

FIRST: tuple[type[Event], ...] = (
    DocumentSubmitted,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
    AnswerReleased,
    FeedbackGiven,
    AnswerJudged,
    ChunksRedacted,
)
"""What is the person's own is found in these, in this order."""
SECOND: tuple[type[Event], ...] = (QuestionRedacted, TokensGenerated, ChunksRedacted)
"""Who else mentions a value is found in these."""
DATA_SUBJECT = "data_subject"
"""Field of a document's metadata that says whose it is: a user, or their keyed digest."""


@dataclass(frozen=True)
class ErasedPerson:
    """Who is erased, as a request says it: keyed digests and ids, no name."""

    tenant: str
    subject: str
    values: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()


@dataclass
class _Tally:
    count: int = 0
    since: int = -1

    def add(self, at: int) -> None:
        self.count += 1
        self.since = at if self.since < 0 else min(self.since, at)


@dataclass
class Holdings:
    """What is held of a person; `is_subject` tells whether a name in metadata is theirs."""

    person: ErasedPerson
    codec: Codec
    is_subject: Callable[[str], bool] = lambda _: False
    documents: dict[str, int] = field(default_factory=dict)
    """The person's own documents, with their lanes."""
    claims: set[str] = field(default_factory=set)
    """Bodies of theirs outside the log."""
    mentioning: set[str] = field(default_factory=set)
    """Documents of others that mention a value which was named as the person's."""

    def __post_init__(self) -> None:
        self._kinds: dict[str, _Tally] = {}
        self._own: dict[str, int] = {}
        """Digest of each value that the person's own texts mention -> when that was first."""
        self._shared: set[str] = set()
        self._named: dict[str, int] = {}

    # ------------------------------------------------------------------ what there is

    def take_first(self, event: Event) -> None:
        """Take in an event of FIRST."""
        match event:
            case DocumentSubmitted():
                self._take_document(event)
            case QuestionAsked(subject=self.person.subject):
                self._add("questions", event.meta.at)
                self._claim(event.text, event.exchanges)
            case AnswerReleased(subject=self.person.subject):
                self._add("answers", event.meta.at)
            case FeedbackGiven() if self._is_sealed_for(event.comment):
                self._add("feedback", event.meta.at)
                self._claim(event.comment)
            case AnswerJudged() if self._is_sealed_for(event.note):
                self._add("notes", event.meta.at)
                self._claim(event.note)
            case QuestionRedacted() | TokensGenerated() | ChunksRedacted() if self._is_own(event):
                for digest in self._digests(event):
                    self._own.setdefault(digest, event.meta.at)

    def take_second(self, event: Event) -> None:
        """Take in an event of SECOND."""
        if not isinstance(event, QuestionRedacted | TokensGenerated | ChunksRedacted):
            return
        own, document = self._is_own(event), isinstance(event, ChunksRedacted)
        for digest in self._digests(event):
            if digest in self.person.values:
                self._named[digest] = min(event.meta.at, self._named.get(digest, event.meta.at))
                if document and not own:
                    self.mentioning.add(event.meta.session)
            elif not own and digest in self._own:
                self._shared.add(digest)

    def keep(self, values: Iterable[str]) -> None:
        """Leave values to others who need them, as if they had mentioned them."""
        self._shared |= self._own.keys() & set(values)

    def _take_document(self, event: DocumentSubmitted) -> None:
        named = event.metadata.get(DATA_SUBJECT, "")
        if event.document in self.person.documents or (named and self.is_subject(named)):
            self.documents[event.document] = event.meta.lane
            self._add("documents", event.meta.at)
            self._claim(event.title, event.content)

    def _is_own(self, event: Event) -> bool:
        if isinstance(event, ChunksRedacted):
            return event.meta.session in self.documents
        return bool(getattr(event, "subject", None) == self.person.subject)

    def _is_sealed_for(self, sealed: Sealed | None) -> bool:
        return sealed is not None and sealed.key == f"user/{self.person.subject}"

    def _claim(self, *sealed: Sealed | None) -> None:
        self.claims |= {one.claim for one in sealed if one is not None and one.claim}

    def _add(self, kind: str, at: int) -> None:
        self._kinds.setdefault(kind, _Tally()).add(at)

    def _digests(self, event: Event) -> Iterable[str]:
        """Yield the digest of each value that a text mentions, with those that a host told."""
        for entry in self._entries(event):
            # by the key that it is sealed with: that is what is destroyed
            if entry.value.key == f"value/{entry.digest}":
                yield entry.digest

    def _entries(self, event: Event) -> Iterable[MapEntry]:
        if isinstance(event, QuestionRedacted):
            yield from event.entries
        elif isinstance(event, ChunksRedacted):
            for chunk in event.chunks:
                yield from chunk.entries
        for effect in event.meta.effects:
            if effect.kind == CallTool.SCHEMA and effect.response is not None:
                try:
                    told = self.codec.decode(effect.response, ToolAnswered)
                except Undecodable:
                    continue
                yield from told.entries

    # ------------------------------------------------------------------ what is done about it

    @property
    def own_values(self) -> tuple[str, ...]:
        """Digests of values that nobody else mentions."""
        return tuple(sorted(self._own.keys() - self._shared - self.person.values))

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys that open what is the person's, sorted."""
        return tuple(
            sorted(
                {
                    f"user/{self.person.subject}",
                    *(f"document/{one}" for one in self.documents),
                    *(f"value/{one}" for one in (*self.person.values, *self.own_values)),
                }
            )
        )

    def held(self) -> tuple[HeldData, ...]:
        """Say what is held, of each kind that there is."""
        kinds = [
            HeldData(kind=kind, count=one.count, since=one.since)
            for kind, one in sorted(self._kinds.items())
        ]
        own = {digest: at for digest, at in self._own.items() if digest not in self.person.values}
        if own:
            shared, since = len(self._shared & own.keys()), min(own.values())
            kinds.append(HeldData(kind="values", count=len(own), since=since, shared=shared))
        if self._named:
            since = min(self._named.values())
            kinds.append(HeldData(kind="named_values", count=len(self._named), since=since))
        return tuple(kinds)


def direct_names(person: ErasedPerson, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of keys that are the person's whatever the log holds."""
    return tuple(
        sorted(
            {
                f"user/{person.subject}",
                *(f"value/{one}" for one in person.values),
                *(f"document/{one}" for one in (*person.documents, *known)),
            }
        )
    )
