"""What the log holds of a person, and which keys open it.

Events come topic by topic, all of FIRST before all of SECOND: whose own a value is must be known
before it is asked who else mentions it. So no more is in memory than the person's own.

Why it is so: a value's key is everybody's who mentions it. What only the person's own conversations
and documents mention goes with them; what others mention too stays, unless it was named as the
person's: then it goes from everybody's maps. What a legal hold keeps stays in any case.
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
from streams.operations.erasures.held_people import DATA_SUBJECT, HeldPeople

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
class _HandedIn:
    """A document, by all of its versions."""

    lane: int
    is_own: bool = False
    holder: str = ""
    """For whom a legal hold keeps it; empty for nobody."""
    versions: _Tally = field(default_factory=_Tally)
    claims: set[str] = field(default_factory=set)


@dataclass
class Holdings:
    """What is held of a person; `is_subject` tells whether a name in metadata is theirs."""

    person: ErasedPerson
    codec: Codec
    is_subject: Callable[[str], bool] = lambda _: False
    held_people: HeldPeople = field(default_factory=HeldPeople)
    """Whose holds keep what would go else."""
    mentioning: set[str] = field(default_factory=set)
    """Documents of others that mention a value which was named as the person's."""

    def __post_init__(self) -> None:
        self._kinds: dict[str, _Tally] = {}
        self._own: dict[str, int] = {}
        """Digest of each value that the person's own texts mention -> when that was first."""
        self._shared: set[str] = set()
        self._named: dict[str, int] = {}
        self._handed_in: dict[str, _HandedIn] = {}
        """What is the person's own, or held for somebody."""
        self._claims: set[str] = set()
        self._held_values: dict[str, str] = {}
        """Named values that texts of somebody who is held mention -> whose those are."""

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
        holder = self._holder(event)
        for digest in self._digests(event):
            if digest in self.person.values:
                if holder:
                    self._held_values.setdefault(digest, holder)
                self._named[digest] = min(event.meta.at, self._named.get(digest, event.meta.at))
                if document and not own:
                    self.mentioning.add(event.meta.session)
            elif not own and digest in self._own:
                self._shared.add(digest)

    def _take_document(self, event: DocumentSubmitted) -> None:
        """Take in a version: whose document it is, any of them may say, in whatever order."""
        named = event.metadata.get(DATA_SUBJECT, "")
        one = self._handed_in.setdefault(event.document, _HandedIn(event.meta.lane))
        is_named = event.document in self.person.documents
        one.is_own = one.is_own or is_named or bool(named and self.is_subject(named))
        one.holder = one.holder or self.held_people.holder_of(event.document, event.metadata)
        one.versions.add(event.meta.at)
        one.claims |= {part.claim for part in (event.title, event.content) if part and part.claim}

    def _is_own(self, event: Event) -> bool:
        if isinstance(event, ChunksRedacted):
            one = self._handed_in.get(event.meta.session)
            return one is not None and one.is_own and not one.holder
        return bool(getattr(event, "subject", None) == self.person.subject)

    def _holder(self, event: Event) -> str:
        """Return for whom a legal hold keeps a text; empty for nobody."""
        if isinstance(event, ChunksRedacted):
            one = self._handed_in.get(event.meta.session)
            return "" if one is None else one.holder
        subject = str(getattr(event, "subject", ""))
        return subject if subject in self.held_people.holds else ""

    def _is_sealed_for(self, sealed: Sealed | None) -> bool:
        return sealed is not None and sealed.key == f"user/{self.person.subject}"

    def _claim(self, *sealed: Sealed | None) -> None:
        self._claims |= {one.claim for one in sealed if one is not None and one.claim}

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
    def documents(self) -> dict[str, int]:
        """The person's own documents that nobody is held for, with their lanes."""
        return {name: one.lane for name, one in self._own_documents()}

    @property
    def claims(self) -> set[str]:
        """Bodies of theirs outside the log."""
        return self._claims.union(*(one.claims for _, one in self._own_documents()))

    def _own_documents(self) -> list[tuple[str, _HandedIn]]:
        return [
            (name, one) for name, one in self._handed_in.items() if one.is_own and not one.holder
        ]

    @property
    def kept(self) -> str:
        """Say which hold keeps what a request names; nothing where none does."""
        for name in sorted(self.person.documents):
            if (one := self._handed_in.get(name)) and one.holder:
                return self.held_people.words(one.holder, "a document")
        for holder in self._held_values.values():
            return self.held_people.words(holder, "a value in a text")
        return ""

    @property
    def own_values(self) -> tuple[str, ...]:
        """Digests of values that nobody else mentions, and no hold keeps."""
        return tuple(sorted(self._own.keys() - self._left_to_others - self.person.values))

    @property
    def _left_to_others(self) -> set[str]:
        return self._shared | self.held_people.values

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
        versions = [one.versions for _, one in self._own_documents()]
        if versions:
            count, since = sum(one.count for one in versions), min(one.since for one in versions)
            kinds.append(HeldData(kind="documents", count=count, since=since))
            kinds.sort(key=lambda one: one.kind)
        own = {digest: at for digest, at in self._own.items() if digest not in self.person.values}
        if own:
            shared, since = len(self._left_to_others & own.keys()), min(own.values())
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
