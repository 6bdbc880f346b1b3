"""What the sample tenants hold and are asked.

Documents come from what every installation has: our own pages with invented people, licence texts
of Debian and the language reference that ships with Python. They are read when the demo runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "pages"
LICENCES = Path("/usr/share/common-licenses")

REFERENCE_TOPICS = (
    "with",
    "try",
    "lambda",
    "yield",
    "del",
    "assert",
    "global",
    "for",
    "raise",
    "import",
    "context-managers",
    "slicings",
)
"""Topics of Python's language reference: short ones, so that the demo embeds them in seconds."""


@dataclass(frozen=True)
class Sample:
    """A document to submit."""

    uri: str
    title: str
    media_type: str
    text: str
    policy: str = "procedural"


@dataclass(frozen=True)
class Question:
    """A question of the demo, and what its answer must show."""

    text: str
    needs_rewrite: bool = False
    """The question has a pronoun: the query must differ from it."""
    absent: bool = False
    """The documents don't hold the answer."""
    personal: tuple[str, ...] = ()
    """Personal data in the question that must not stand in plain anywhere on the log."""


@dataclass(frozen=True)
class Tenant:
    """A sample tenant."""

    name: str
    questions: tuple[Question, ...]


HARBOUR = Tenant(
    "harbour",
    (
        Question("Who assigns a berth?"),
        Question("What does it cost for a vessel of up to ten metres?", needs_rewrite=True),
        Question("When is it given to the next vessel on the list?", needs_rewrite=True),
        Question("Which planets have rings made of ice?", absent=True),
        Question(
            "My name is Ingrid Halvorsen, my e-mail is ingrid.halvorsen@example.org. "
            "When does the fuel pier open in May?",
            personal=("Ingrid Halvorsen", "ingrid.halvorsen@example.org"),
        ),
    ),
)

REFERENCE = Tenant(
    "reference",
    (
        Question("What is an assert statement?"),
        Question("What does it raise when the condition is false?", needs_rewrite=True),
        Question("What is it equivalent to?", needs_rewrite=True),
    ),
)

TENANTS = (HARBOUR, REFERENCE)

PAGES_PERSONAL = (
    "Marit Lindqvist",
    "marit.lindqvist@harbour-office.example",
    "tomas.okafor@harbour-office.example",
    "Tomas Okafor",
    "Elena Petrova",
)
"""Invented personal data in our own pages: none of it may stand in plain on the log."""


def documents(tenant: Tenant) -> Iterator[Sample]:
    """Yield the documents of a tenant."""
    if tenant is HARBOUR:
        for path in sorted(PAGES.glob("*.md")):
            policy = "faq" if path.stem == "faq" else "procedural"
            text = path.read_text(encoding="utf-8")
            yield Sample(f"handbook/{path.name}", "", "text/markdown", text, policy)
        for name in ("BSD", "Artistic", "Apache-2.0"):
            path = LICENCES / name
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace")
                yield Sample(f"licences/{name}", f"Licence {name}", "text/plain", text)
        return
    from pydoc_data.topics import topics  # a dict of texts

    for name in REFERENCE_TOPICS:
        if name in topics:
            title = f"Python reference: {name}"
            yield Sample(f"python/{name}", title, "text/plain", topics[name])
