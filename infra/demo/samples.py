"""What the sample tenants hold and are asked: our own pages, with invented people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Sample:
    """A document to submit."""

    uri: str
    text: str
    policy: str


@dataclass(frozen=True)
class Question:
    """A question of the demo, and what its answer must show."""

    text: str
    fresh: bool = False
    """It begins a conversation of its own."""
    says: str = ""
    """The answer holds this."""
    needs_rewrite: bool = False
    """The question leans on the one before: the query must differ from it."""
    absent: str = ""
    """Why the answer must be that the tenant's documents don't hold it."""
    personal: tuple[str, ...] = ()
    """Personal data in the question that must not stand in plain anywhere on the log."""


@dataclass(frozen=True)
class Tenant:
    """A sample tenant; its pages lie in the folder of its name."""

    name: str
    questions: tuple[Question, ...]
    personal: tuple[str, ...]
    """Invented personal data in its pages: none of it may stand in plain on the log."""


HARBOUR = Tenant(
    "harbour",
    (
        Question("Where are the absorbent booms kept?", says="red shed"),
        Question("How quickly were they laid out?", says="twelve minutes", needs_rewrite=True),
        Question("Who is the duty officer?", fresh=True, says="Marit Lindqvist"),
        Question(
            "My name is Ingrid Halvorsen, my e-mail is ingrid.halvorsen@example.org. "
            "When does the fuel pier open in May?",
            fresh=True,
            says="six in the morning",
            personal=("Ingrid Halvorsen", "ingrid.halvorsen@example.org"),
        ),
    ),
    (
        "Marit Lindqvist",
        "marit.lindqvist@harbour-office.example",
        "tomas.okafor@harbour-office.example",
        "Tomas Okafor",
        "Elena Petrova",
    ),
)

OBSERVATORY = Tenant(
    "observatory",
    (
        Question("How wide is the radio dish?", says="four metres"),
        Question("What does a berth cost?", fresh=True, absent="the harbour's documents do"),
    ),
    ("Aroha Whitford", "aroha.whitford@hilltop-observatory.example"),
)

TENANTS = (HARBOUR, OBSERVATORY)


def documents(tenant: Tenant) -> Iterator[Sample]:
    """Yield the documents of a tenant, by name."""
    for path in sorted((PAGES / tenant.name).glob("*.md")):
        policy = "faq" if path.stem == "faq" else "procedural"
        yield Sample(f"handbook/{path.name}", path.read_text(encoding="utf-8"), policy)
