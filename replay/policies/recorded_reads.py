"""What the log tells of a request that a policy decides by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas import Begun, ChunksRetrieved, DescribedDocument, DocumentSubmitted, Found
from streams.log.codec import Codec, Undecodable


@dataclass(frozen=True)
class RecordedRead:
    """One retrieval, as its record tells it."""

    event: ChunksRetrieved
    begun: Begun | None
    """None where the record holds no beginning."""
    found: frozenset[str]
    """Documents that its searches named."""
    described: Mapping[str, DescribedDocument]
    """What the index told of them then."""

    @property
    def shown(self) -> frozenset[str]:
        """Documents whose passages were shown, or answered from."""
        return frozenset(passage.document for passage in self.event.passages)

    @property
    def policy(self) -> str:
        """Digest of the policy in force then; empty for none."""
        return self.begun.policy if self.begun else ""

    @property
    def region(self) -> str:
        """Where it was processed; empty for unknown."""
        return self.begun.region if self.begun else ""


def recorded_read(event: ChunksRetrieved, codec: Codec) -> RecordedRead:
    """Read what a retrieval's effects tell; what can't be read tells nothing."""
    begun: Begun | None = None
    found: set[str] = set()
    described: dict[str, DescribedDocument] = {}
    for effect in event.meta.effects:
        if effect.response is None:
            continue
        try:
            answer = codec.decode_any(effect.response)
        except Undecodable:
            continue
        if isinstance(answer, Begun):
            begun = answer
        elif isinstance(answer, Found):
            found.update(candidate.document for candidate in answer.candidates)
            described.update((one.document, one) for one in answer.documents)
    return RecordedRead(event, begun, frozenset(found), described)


class SubmittedDocuments:
    """What tenants told of their documents, at any time: for requests of before a policy asked."""

    def __init__(self, submitted: Iterable[DocumentSubmitted]) -> None:
        self._versions: defaultdict[tuple[str, str], list[tuple[int, DescribedDocument]]]
        self._versions = defaultdict(list)
        for event in submitted:
            told = DescribedDocument(
                document=event.document,
                uri=event.uri,
                metadata=dict(event.metadata),
                groups=event.groups,
            )
            self._versions[event.meta.tenant, event.document].append((event.meta.at, told))
        for versions in self._versions.values():
            versions.sort(key=lambda entry: entry[0])

    def at(self, tenant: str, document: str, at_us: int) -> DescribedDocument | None:
        """Return what was told of a document last, by a time; None for an unknown one."""
        told = None
        for since_us, version in self._versions.get((tenant, document), ()):
            if since_us > at_us and told is not None:
                break
            told = version
        return told
