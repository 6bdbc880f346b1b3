"""Made-up requests: documents of facts, and conversations about them."""

from __future__ import annotations

import random
import uuid

from bench.facts import facts, name_of
from connectors.keyring import Keyring
from schemas import Ask, DocumentSubmitted, Meta, QuestionAsked, StepVersion
from streams.log.clock import now_us
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.settings import Settings
from streams.version import CODE

TENANTS = ("acme", "birch", "cobalt", "delta", "ember")
LANES = 2  # of each tenant
TURNS = 4  # questions of a conversation
SECTIONS = 24  # of a document: about six chunks
PEOPLE = ("Anna Berg", "Jonas Weiss", "Maria Keller", "Peter Lind", "Clara Holm", "Emil Roth")
STEP_OF_THE_EDGE = StepVersion(name="gateway", code=CODE, configuration="")


def guide(number: int) -> tuple[str, str]:
    """Return tenant and uri of a document; documents go round the tenants."""
    return TENANTS[number % len(TENANTS)], f"guide/{number}"


class RequestMaker:
    """Makes requests as the edge would; the same ones every time but for times."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._settings = settings
        self._keyring = keyring
        self._random = random.Random(11)  # noqa: S311 - traces and choices of words, no secret

    def meta(self, tenant: str, request: str, session: str, lane: int) -> Meta:
        """Identify a request of a tenant."""
        return Meta(
            id=request_id(tenant, request),
            tenant=tenant,
            lane=lane,
            request=request_id(tenant, request),
            session=session,
            at=now_us(),
            step=STEP_OF_THE_EDGE,
            trace=self.trace(),
        )

    def trace(self) -> str:
        """Draw a traceparent."""
        return f"00-{self._random.randbytes(16).hex()}-{self._random.randbytes(8).hex()}-01"

    def document(self, number: int) -> DocumentSubmitted:
        """Submit a document of SECTIONS facts, each with a person's name."""
        tenant, uri = guide(number)
        document = document_id(tenant, uri)
        sections = [
            f"{section}Its keeper is {PEOPLE[(number + at) % len(PEOPLE)]}.\n"
            for at, (section, _) in enumerate(facts(SECTIONS, first=SECTIONS * number))
        ]
        lane = lane_of(tenant, document, self._settings.partitions, LANES)
        meta = self.meta(tenant, uri, document, lane)
        content = f"# Guide {number}\n\n" + "\n".join(sections)
        return DocumentSubmitted(
            meta=meta,
            document=document,
            uri=uri,
            media_type="text/markdown",
            content=self._keyring.seal(
                tenant, f"document/{document}", meta.id, "content", content.encode()
            ),
        )

    def question(self, conversation: int, turn: int, documents: int) -> QuestionAsked:
        """Ask about one fact of so many documents, then lean on what was said."""
        place = conversation % len(TENANTS)
        tenant, session = TENANTS[place], str(uuid.UUID(int=conversation))
        own = range(place, documents, len(TENANTS))
        fact = SECTIONS * self._random.choice(own) + self._random.randrange(SECTIONS)
        person = self._random.choice(PEOPLE)
        text = (
            f"My name is {person}. What does a yearly ticket for the {name_of(fact)} cost?",
            "And when was it founded?",
            f"What does a ticket for the {name_of(fact)} cost {person}?",
            "Are dogs welcome there?",
        )[turn]
        lane = lane_of(tenant, session, self._settings.partitions, LANES)
        meta = self.meta(tenant, f"question/{conversation}/{turn}", session, lane)
        subject = f"user-{conversation}"
        sealed = self._keyring.seal(tenant, f"user/{subject}", meta.id, "text", text.encode())
        ask = Ask(deadline=now_us() + 1_000 * self._settings.deadline_ms)
        return QuestionAsked(meta=meta, subject=subject, text=sealed, ask=ask)
