"""Made-up requests: documents of facts, and conversations about them."""

from __future__ import annotations

import random
import uuid

from bench.facts import facts, name_of
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from edge.requests.identity import Identity
from edge.requests.new_document import NewDocument
from schemas import Ask, DocumentSubmitted, QuestionAsked
from streams.log.clock import now_us
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.settings import Settings

TENANTS = ("acme", "birch", "cobalt", "delta", "ember")
LANES = 2  # of each tenant
TURNS = 4  # questions of a conversation
SECTIONS = 24  # of a document: about six chunks
PEOPLE = ("Anna Berg", "Jonas Weiss", "Maria Keller", "Peter Lind", "Clara Holm", "Emil Roth")


def guide(number: int) -> tuple[str, str]:
    """Return tenant and uri of a document; documents go round the tenants."""
    return TENANTS[number % len(TENANTS)], f"guide/{number}"


class RequestMaker:
    """Makes requests as the edge would; the same ones every time but for times."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._settings = settings
        self._requests = RequestBuilder(settings, keyring, edge="gateway")
        self._random = random.Random(11)  # noqa: S311 - traces and choices of words, no secret

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
        content = f"# Guide {number}\n\n" + "\n".join(sections)
        submitted = NewDocument(uri=uri, content=content.encode(), media_type="text/markdown")
        identity = self._identity(tenant, uri, "", document)
        return self._requests.submit(identity, submitted, self.trace())

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
        request = f"question/{conversation}/{turn}"
        identity = self._identity(tenant, request, f"user-{conversation}", session)
        ask = Ask(deadline=now_us() + 1_000 * self._settings.deadline_ms)
        return self._requests.ask(identity, text, ask, self.trace())

    def _identity(self, tenant: str, request: str, subject: str, session: str) -> Identity:
        lane = lane_of(tenant, session, self._settings.partitions, LANES)
        return Identity(request_id(tenant, request), tenant, subject, session, lane)
