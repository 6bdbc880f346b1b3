"""Documents and questions of tenants with policies for personal data of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.placeholders import canonical
from tests.golden import texts
from tests.golden.driving import Drive

if TYPE_CHECKING:
    from tests.golden.scenario import Scenario

WREN, FINCH, ROOK = "wren", "finch", "rook"
"""One wants nearly everything; one more masked, one no text, in languages that nobody reads."""

PEOPLE = """# People of the mill

Orla Quist keeps the keys of the mill. Bram Tellier of Tellier Lane is 52 and grinds on Tuesdays, Max sweeps.
Project Blue Heron repairs the wheel; customers kd-123456 and KD-1234567 pay for it. Ines Vo counts the sacks.

| Customer_name | sku | Notes |
|---|---|---|
| Nobody Else | Mina | Orla Quist asked |
| x | May 12 | none |

customer-name: Somebody Unseen
"""
MORE_PEOPLE = """# Who else helps

Orla Quist and bram tellier paint the boat. {"customer_name": "Nobody Else", "sku": "Mina", "age": 52}
BLUE  HERON is late. Ines Vo was never there, and Petra Blum, whom nobody recognises, was.
"""
ASKED = (
    "Who keeps the keys of the mill with orla quist and bram tellier?",
    "Does Max know Petra Blum, Ines Vo and ORLA QUIST?",
    "What does blue heron repair for KD-123456?",
    "And may Max do so at 52?",
)
RECORDS = """name: Nobody Else, customer name: Somebody Unseen
notes: none; Customer-Name: Third Person. It is long. sku: Mina
Of customer_name: Fourth Person and customer_name:
Fifth Person. And then: nothing

customer_name;sku;notes
"Sixth Person";Mina;x
Seventh Person;May;y

Eighth Person;Max;z

one;two

| customer_name |
|---|
| Ninth Person |

{"customer_name": "Tenth \\"Person", "sku": "Orla Quist", "notes": "cut off
"""
PLAIN = "The mill grinds on Tuesdays. " * 12 + "\n\n" + "Ask Orla Quist for flour. " * 12
GERMAN = "Die Mühle mahlt dienstags für alle, und Mina hilft in der Halle. " * 6
PATTERNS = (
    "a" * 200, "[*+]{1,2}KD", "KD-[*+]{1,3}", "KD-[]+]{2}", "KD-[^]+]{2}", r"KD-\+[0-9]?", "KD-[0-9]{2,4}", r"\bKD", "[a-z]{1,20}@{1}", "K D", "(?:KD|a)-?",
)  # fmt: skip
"""Patterns of a tenant's, in which signs mean themselves, or repeat what is before them so often at most."""
FOREIGN = """# Die Mühle

Die Mühle mahlt dienstags für alle. Herr Dr. Kranz erklärt die Räder um 10.30 Uhr, und Mina hilft in der Halle B7.
"""


def policies(drive: Drive) -> dict[str, Any]:
    """The policies, by tenant; what is personal itself is listed by digests of this run's key."""

    def digest(value: str) -> str:
        return drive.keyring.digest(WREN, canonical(value).encode())[:24]

    return {
        WREN: {
            "kinds": {"AGE": None, "LOCATION": 0.5},
            "allow": {
                "texts": ["Max"],
                "patterns": ["May [0-9]{1,2}"],
                "digests": [digest("Ines Vo")],
            },
            "deny": {
                "PROJECT": {"texts": ["Blue Heron"]},
                "CUSTOMER": {"patterns": ["KD-[0-9]{6}"]},
                "PERSON": {"digests": [digest("Petra Blum")]},
            },
            "fields": {"customer_name": "PERSON", "sku": "keep", "notes": "scan"},
            "consistent": "tenant",
            "known_values": "everywhere",
        },
        FINCH: {"languages": {"supported": ["en"], "otherwise": "mask_more"}},
        ROOK: {"languages": {"supported": ["en"], "otherwise": "refuse"}},
    }


class PersonalTalks:
    """Puts them."""

    def __init__(self, scenario: Scenario, drive: Drive, place: Path) -> None:
        self._scenario, self._drive, self._place = scenario, drive, place

    async def play(self) -> None:
        """Put all of them."""
        self._drive.configure(
            self._place / "personal",
            redact={"tenants": policies(self._drive), "remembered_max": 6},
            ingest={"batch_chunks_max": 1, "batch_bytes_max": 1_500},
        )
        submit, ask = self._scenario.submit, self._scenario.ask
        await submit("people.md", PEOPLE, WREN, title="People, Orla Quist among them")
        await submit("more.md", MORE_PEOPLE, WREN)
        for question in ASKED:
            await ask(question, "mill-talk", WREN)
        for tenant in (FINCH, ROOK):
            long = (
                texts.FERRY + "\n\n# Die Fähre\n\n" + "Die Fähre ist alt und fährt für alle. " * 12
            )
            await submit("mill.md", FOREIGN, tenant)
            await submit("mill.md", texts.FAQ, tenant)
            await submit("ferry.md", long, tenant)
            await submit("ferry.md", long + "\n\nAnd it is blue.", tenant)
            await submit("guide.md", texts.JAPANESE, tenant)
            await submit("recall.md", texts.FAQ, tenant)
            await ask("Wann mahlt die Mühle, und was erklärt Herr Kranz?", tenant=tenant)
            await ask("佐藤花さんが案内しますか。", tenant=tenant)
            await ask("When does the mill grind?", tenant=tenant)
            # of a version all chunks may be kept, none of them sealed again
            for text in (f"{PLAIN}\n\n{GERMAN}", PLAIN, PLAIN[:340], f"{PLAIN}\n\nIt is old."):
                await submit("plain.txt", text, tenant, media_type="text/plain")
        await submit("records.txt", RECORDS, WREN, media_type="text/plain")
        for number, pattern in enumerate(PATTERNS):
            lists = {"deny": {"CUSTOMER": {"patterns": [pattern]}}}
            self._drive.configure(
                self._place / f"personal-{number}", redact={"tenants": {WREN: lists}}
            )
            await ask("What does kd-12 pay, and KD-+ or KD-]+ of a+b and ab@?", tenant=WREN)
