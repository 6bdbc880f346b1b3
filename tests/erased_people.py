"""People of whom there is something: what they wrote and what mentions them, on a broker in memory, under real keys."""

from __future__ import annotations

from concurrent.futures import Future

from agents.errors import KeyDestroyed
from agents.placeholders import canonical
from connectors.claims import claims_at
from connectors.keyring import Keyring
from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Batch,
    ChunksRedacted,
    DocumentRef,
    DocumentSubmitted,
    FeedbackGiven,
    MapEntry,
    QuestionAsked,
    QuestionRedacted,
    RedactedChunk,
    Usage,
    Verdict,
)
from streams.log.addressing import address_of
from streams.log.producer_signature import SignedRecord, proof_of
from streams.log.writing import Position
from streams.operations.erasures.erasure_reader import holdings_of, told_of_erasures
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import TOPICS
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker
from worker.erasure_executor import ErasureExecutor

TENANT = "acme"


class PeopleHeld:
    """A log, a key store and a claim store; what is put there is counted by a running number."""

    a_batch, an_ask = Batch(number=0, last=True), Ask()

    def __init__(self, folder):
        self.settings = Settings(run=folder, partitions=2, claim_bytes=1_000)
        self.keyring = Keyring(self.settings, fresh_s=0.0)
        self.claims = claims_at(self.settings)
        self.broker = MemoryBroker(2)
        for topic in TOPICS:
            self.broker.create(topic.name, 2 if topic.partitioned else 1)
        self.codec = a_codec()
        self.signer = None
        self.proof = ProducerProof()
        self.number = 0

    # ------------------------------------------------------------------ what is on the log

    def put(self, event):
        """Append an event; return where it lies."""
        at = address_of(event)
        record = SignedRecord(at.topic, at.key, self.codec.encode(event), event.meta.tenant)
        offset = self.broker.put(
            at.topic,
            record.value,
            partition=at.partition,
            key=at.key,
            headers=proof_of(self.signer, record),
        )
        return Position(at.topic, at.partition, offset, 0)

    def put_all(self, events):
        for event in events:
            self.put(event)

    def send(self, event):
        """Publish as the edge does."""
        done = Future()
        done.set_result(self.put(event))
        return done

    def subject(self, user, tenant=TENANT):
        return self.keyring.subjects(tenant, self.keyring.digest(tenant, user.encode()))[-1]

    def value(self, value, tenant=TENANT):
        return self.keyring.digest(tenant, canonical(value).encode())

    def _meta(self, tenant, session):
        self.number += 1
        request = f"r-{self.number}"
        return a_meta(tenant=tenant, session=session, request=request, at=self.number * 1_000_000)

    def _entry(self, tenant, event, value):
        digest = self.value(value, tenant)
        sealed = self.keyring.seal(
            tenant, f"value/{digest}", event, "value/<PERSON_1>", value.encode()
        )
        return MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest=digest, value=sealed)

    def ask(self, user, *values, tenant=TENANT, session="s-1", text="words"):
        """Have a user ask something that mentions values; return what was sealed of it."""
        subject, meta = self.subject(user, tenant), self._meta(tenant, session)
        sealed = self.keyring.seal(tenant, f"user/{subject}", meta.id, "text", text.encode())
        entries = tuple(self._entry(tenant, meta.id, value) for value in values)
        self.put(QuestionAsked(meta=meta, subject=subject, text=sealed, ask=Ask()))
        self.put(
            QuestionRedacted(
                meta=meta, outcome="redacted", subject=subject, text="t", entries=entries, ask=Ask()
            )
        )
        answer = Answer(text="", usage=Usage(), finish_reason="stop", question="", query="")
        self.put(
            AnswerReleased(
                meta=meta, text="a", answer=answer, verdict=Verdict(allowed=True), subject=subject
            )
        )
        return [sealed, *(entry.value for entry in entries)]

    def judge(self, user, tenant=TENANT):
        """Have a user comment on an answer; return the sealed comment."""
        subject, meta = self.subject(user, tenant), self._meta(tenant, "s-1")
        sealed = self.keyring.seal(tenant, f"user/{subject}", meta.id, "comment", b"good")
        self.put(FeedbackGiven(meta=meta, about="r", rating=1, comment=sealed))
        return sealed

    def hand_in(self, document, *values, tenant=TENANT, metadata=None, content=b"c"):
        """Hand a document in that mentions values; return what was sealed of it."""
        meta = self._meta(tenant, document)
        sealed = self.keyring.seal(tenant, f"document/{document}", meta.id, "content", content)
        entries = tuple(self._entry(tenant, meta.id, value) for value in values)
        self.put(
            DocumentSubmitted(
                meta=meta,
                document=document,
                uri="u",
                media_type="text/plain",
                content=sealed,
                metadata=metadata or {},
            )
        )
        chunk = RedactedChunk(id="c", number=0, text="t", tokens=1, entries=entries)
        self.put(
            ChunksRedacted(
                meta=meta,
                document=DocumentRef(document=document, version=1, uri="u"),
                batch=Batch(number=0, last=True),
                outcome="redacted",
                title="",
                chunks=(chunk,),
            )
        )
        return [sealed, *(entry.value for entry in entries)]

    # ------------------------------------------------------------------ what becomes of it

    def opens(self, sealed, tenant=TENANT):
        """Say whether a sealed text can be opened."""
        try:
            self.keyring.unseal(tenant, sealed)
        except KeyDestroyed:
            return False
        return True

    def consumer(self, *_args, **_settings):
        return self.broker.consumer()

    def told(self):
        """Read what the log says of erasures."""
        return told_of_erasures(self.settings, self.codec, self.consumer, holds=self.proof.holds)

    def look(self, person, is_subject, held):
        of = person, is_subject, held, self.consumer
        return holdings_of(self.settings, self.codec, *of, holds=self.proof.holds)

    def executor(self, **parts):
        parts = {"write": self.put_all, "look": self.look, "settle": lambda: None, **parts}
        return ErasureExecutor(parts.pop("keyring", self.keyring), self.claims, **parts)

    def work(self, **parts):
        """Execute what is open, as a worker does."""
        known = self.told()
        for erasure in known.pending():
            self.executor(**parts).execute(erasure, known)
