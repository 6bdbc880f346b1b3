"""The second part of the golden log: models that are trusted, thresholds hit exactly, routes, schemas, conversations.

A figure that stands on no record (how near a statement is, how likely there is an answer) is shown by a threshold: it
lies on the figure, or right above it, by turns. So whoever computes another one comes to another answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

from agents.answering.abstaining import likely
from agents.answering.generation_policy import policy_of
from agents.checking.support_head import DECIMALS
from agents.composer import Composer
from schemas import ChunksRetrieved, Event
from tests.golden import long_talks, pages
from tests.golden.canned_world import Script
from tests.golden.claims import TOPICS
from tests.golden.driving import Drive
from tests.golden.scripts import CUT, ROUTED, SAID, SCHEMAS, SIGNS, STANDS, question

LOCH, SHELF, TERN = "loch", "shelf", "tern"
PHRASE = {
    "routes": [
        {"name": "first", "model": "chat", "quality": 1, "trust": "phrase"},
        {"name": "second", "model": "second", "quality": 2, "trust": "quote"},
    ]
}
QUOTE = {"routes": [{"name": "second", "model": "second", "trust": "quote"}]}
TRUSTED: dict[str, Any] = {
    "routes": PHRASE,
    "answerable": {},
    "near_min": 0.0,
    "share_min": 0.5,
    "passage_tokens": 600,
}
WEIGHED = [
    "against_condition",
    "against_direction",
    "against_modality",
    "against_number",
    "against_polarity",
    "agreeing_condition",
    "agreeing_direction",
    "agreeing_modality",
    "agreeing_number",
    "agreeing_polarity",
    "anywhere",
    "asserted_share",
    "family_anywhere",
    "kind_found",
    "kind_missing",
    "lacking_condition",
    "lacking_direction",
    "lacking_modality",
    "lacking_number",
    "lacking_polarity",
    "missing",
    "names",
    "opposed",
    "share",
]
WEIGHTS = {"bias": 0.1} | {
    name: round((0.2 + 0.05 * at) * (-1) ** at, 2) for at, name in enumerate(WEIGHED)
}
"""Of everything that is weighed some, so that all of it counts."""
ROUTES: dict[str, Any] = {
    "hurried_ms": 900,
    "routes": [
        {"name": "best", "model": "chat", "quality": 1, "regions": ["north"], "trust": "phrase", "fallbacks": ["plain", "small"],
         "input_price": 20, "output_price": 40, "first_token_ms": 700, "running_max": 3, "system": "Be brief: höchstens 3 Sätze."},
        {"name": "plain", "model": "second", "quality": 2, "regions": ["north", "south"], "input_price": 9, "output_price": 9},
        {"name": "dear", "model": "second", "quality": 2, "regions": ["north"], "input_price": 900, "output_price": 100},
        {"name": "small", "model": "chat", "quality": 3, "distilled": True, "regions": ["north"], "input_price": 1, "output_price": 1},
        {"name": "unpriced", "model": "chat", "quality": 2, "regions": ["north"], "classes": ["public", "internal"]},
        {"name": "nowhere", "model": "chat", "quality": 2},
        {"name": "open", "model": "chat", "quality": 1, "regions": ["north"], "input_price": 1, "output_price": 2},
        {"name": "busy", "model": "chat", "quality": 1, "regions": ["north"], "running_max": 2, "input_price": 1, "output_price": 2},
        {"name": "slow", "model": "chat", "quality": 2, "regions": ["north"], "input_price": 1, "output_price": 2},
        *({"name": f"trial-{number}", "model": "chat", "quality": 1, "regions": ["north"], "trust": "phrase",
           "input_price": 20, "output_price": 40, "canary": {"of": "best", "share": share, "calls_min": 20}}
          for number, share in enumerate((0.4, 1.0, 1.0, 1.0, 0.0))),
        {"name": "other", "model": "chat", "quality": 5, "regions": ["north"], "canary": {"of": "plain", "share": 1.0}},
    ],
    "contracts": {
        "*": {},
        "north": {"regions": ["north"], "price_max": 12},
        "named": {"routes": ["plain", "dear"], "price_max": 300, "content": "personal"},
        "closed": {"regions": ["west"]},
    },
}  # fmt: skip


class Asking(Protocol):
    """What puts documents and questions."""

    async def submit(self, *args: Any, **fields: Any) -> list[Event]:
        """Put a document."""
        ...

    async def ask(self, *args: Any, **fields: Any) -> list[Event]:
        """Put a question."""
        ...


class CheckedTalks:
    """Puts the requests of the second part."""

    def __init__(
        self, scenario: Asking, drive: Drive, scripts: MutableMapping[str, Script], place: Path
    ) -> None:
        self._scenario, self._drive, self._scripts, self._place = scenario, drive, scripts, place
        self._configured = 0
        self._retrieved: dict[str, ChunksRetrieved] = {}
        """What was found for a question, when it was first asked."""

    async def play(self) -> None:
        """Put all of them."""
        await self._documents()
        await self._layouts()
        await self._conversations()
        await self._trusted()
        await self._thresholds()
        await self._routes()
        await self._schemas()
        await self._arms()

    def _configure(self, **changes: Mapping[str, Any]) -> None:
        self._configured += 1
        self._drive.configure(self._place / f"checked-{self._configured}", **changes)

    def _generate(self, **changes: Any) -> None:
        """Go on with other values of generate alone."""
        self._configure(generate=changes)

    async def _documents(self) -> None:
        submit = self._scenario.submit
        for number, topic in enumerate(TOPICS):
            await submit(f"topic-{number}.md", topic.page, LOCH)
        await submit("glider.txt", pages.MANUAL, LOCH, media_type="text/plain", title="The glider")
        for name, page in (("shelf", pages.SHELF), ("regal", pages.REGAL), ("chests", pages.CHESTS),
                           ("lamps", pages.ORDERS), ("cards", pages.CARDS), ("forms", pages.FORMS)):  # fmt: skip
            await submit(f"{name}.md", page, LOCH)
        for name, page in (*pages.DIFFERING, ("loads.md", long_talks.CODE)):
            await submit(name, page, LOCH)
        for name, page in (
            ("shelf.md", pages.SHELF),
            ("six.md", long_talks.SIX),
            ("shed.md", long_talks.OPENINGS),
        ):
            await submit(name, page, SHELF)
        await submit("punt.txt", long_talks.TERMS, LOCH, media_type="text/plain")

    async def _layouts(self) -> None:
        for text in pages.ABOUT_MANUAL:
            self._retrieved[text] = _retrieved(await self._scenario.ask(text, tenant=LOCH))
        for text in (
            *pages.ABOUT_ORDERS,
            *pages.ASIDE,
            *pages.ABOUT_CARDS,
            *pages.ABOUT_DIFFERING,
            *long_talks.ABOUT_TERMS,
        ):
            await self._scenario.ask(text, tenant=LOCH)

    async def _conversations(self) -> None:
        for number, talk in enumerate(pages.LISTED):
            for text in talk:
                await self._scenario.ask(text, f"listed-{number}", LOCH)
        for number, talk in enumerate(
            (*long_talks.CUT_SHORT, *long_talks.SUMMED, *long_talks.OPENED)
        ):
            for text in talk:
                await self._scenario.ask(text, f"long-{number}", SHELF)

    # ---------------------------------------------------------------- models that are trusted

    async def _trusted(self) -> None:
        ask = self._scenario.ask
        self._generate(**TRUSTED)
        for topic in TOPICS:
            self._scripts[topic.asked] = Script(topic.said)
            await ask(topic.asked, tenant=LOCH, passages_max=2)
        for number in (number for number in SAID if number < 30):
            await ask(question(number), f"trusted-{number}")
        await self._stopped()
        await ask(question(9), left_s=5)
        await ask(question(22), passages_max=1)
        for text, script in CUT.items():
            self._scripts[text] = script
            await ask(text, tenant=LOCH)
        self._generate(**TRUSTED | {"routes": QUOTE, "near_min": 0.8, "share_min": 0.8})
        for number in (1, 2, 4, 8, 10, 11, 20, 21, 22, 27):
            await ask(question(number), f"quoted-{number}")

    async def _stopped(self) -> None:
        """Have answers end where nobody wants more of them; the next turn sees what was shown."""
        for sign, parts in zip(
            SIGNS, (SAID[22].parts, ("Bicycles cost 2 euros. Tand", "em"), ()), strict=False
        ):
            text = f"{question(22)[:-1]} and {sign}?"
            asked = text.rpartition(", ")[2].removesuffix("?")  # what rewriting leaves as it is
            self._scripts[asked] = Script(parts, finish="cancelled", usage=False)
            await self._scenario.cancel(text, "stopped")
        await self._scenario.ask(question(20), "stopped")
        await self._scenario.cancel(question(22), "stopped", before=True)

    # ---------------------------------------------------------------- thresholds hit exactly

    async def _thresholds(self) -> None:
        ask = self._scenario.ask
        self._generate(answerable={"weights": WEIGHTS, "abstain": 0.0})
        for text in pages.DOUBTED:
            self._retrieved[text] = _retrieved(await ask(text, tenant=LOCH))
        for number, text in enumerate(pages.DOUBTED):
            composer = self._composer(text)
            found = likely(composer.event.question, composer.passages, WEIGHTS)
            abstain = round(found + number % 2 * 10**-DECIMALS, DECIMALS)
            self._generate(answerable={"weights": WEIGHTS, "abstain": abstain})
            await ask(text, tenant=LOCH)
        for number, (text, _) in enumerate(self._retrieved.items()):
            near = self._composer(text).near
            ranked = sorted(range(len(near.scores)), key=lambda at: -near.scores[at])
            sentences = [at for at in ranked[1:] if near.statements[at].kind == "sentence"]
            if not sentences:
                continue
            at = sentences[number % 3 % len(sentences)]
            share = near.scores[at] / near.scores[ranked[0]]
            self._scripts[text] = Script((near.statements[at].text,))
            self._generate(**TRUSTED | {"near_min": share + (-1) ** number * 1e-9})
            await ask(text, tenant=LOCH)
            del self._scripts[text]

    def _composer(self, text: str) -> Composer:
        """Return what composes the answer to a question that was put."""
        policy = policy_of(self._drive.configurations["generate"].values)
        return Composer(self._retrieved[text], policy)

    # ---------------------------------------------------------------- routes, schemas, arms

    async def _routes(self) -> None:
        self._generate(**TRUSTED | {"routes": ROUTES})
        self._scripts.update(ROUTED)
        for tenant in ("loch", "north", "named", "closed"):
            await self._scenario.submit("glider.txt", pages.MANUAL, tenant, media_type="text/plain")
            for text in ROUTED:
                for left_s in (None, 0.85, 0.95) if tenant in {LOCH, "north"} else (None,):
                    await self._scenario.ask(text, tenant=tenant, left_s=left_s)

    async def _schemas(self) -> None:
        self._generate()
        for number, (schema, script) in enumerate(SCHEMAS):
            text = f"What is the glider, as form {number} asks?"
            if script.parts:
                self._scripts[text] = script
            await self._scenario.ask(
                text,
                tenant=LOCH,
                response_schema=schema if isinstance(schema, str) else json.dumps(schema),
            )

    async def _arms(self) -> None:
        arms = [
            {"name": "short", "share": 0.3, "passage_tokens": 40},
            {"name": "shorter", "share": 0.3, "passage_tokens": 20},
        ]
        self._generate(**TRUSTED | {"arms": arms})
        for text in pages.ABOUT_MANUAL[:5]:
            await self._scenario.ask(text, tenant=LOCH)
        self._generate(**TRUSTED | {"arms": arms, "experiment": "short prompts"})
        for text in (*pages.ABOUT_MANUAL[5:8], "Which rivers flow through Peru?", "Thanks!"):
            await self._scenario.ask(text, tenant=LOCH)
        for adaptive in ({"near": 0.6, "tokens_max": 60}, {"near": 0.0, "tokens_max": 12}):
            self._generate(
                **TRUSTED
                | {"adaptive": adaptive, "order": "nearest", "passages_max": 3, "same_min": 0.5}
            )
            for text in (*pages.ABOUT_MANUAL[:3], *pages.ABOUT_DIFFERING):
                await self._scenario.ask(text, tenant=LOCH)
        for odd in ({"nothing": 1}, {"asked_max": {"moons": 1}}, {"routes": {"routes": []}}, {"tools": {"limits": 7}},
                    {"routes": {"routes": [PHRASE["routes"][0]] * 2}}, {"routes": {"routes": [{**PHRASE["routes"][0], "fallbacks": ["none"]}]}},
                    {"routes": {"routes": [{**PHRASE["routes"][0], "revision": "1"}]}}):  # fmt: skip
            self._generate(**odd)
            await self._scenario.ask(pages.ABOUT_MANUAL[0], tenant=LOCH)
        self._generate(arms=[{"name": "broken", "portion": 1}])
        await self._scenario.ask(pages.ABOUT_MANUAL[0], tenant=LOCH)
        self._generate(answerable={"weights": {}})
        await self._scenario.ask(pages.ABOUT_MANUAL[0], tenant=LOCH)
        self._configure(moderate={"classifier": {"action": "log", "tenants": {LOCH: "off"}, "heads": {"harm": 0.7},
                                                 "quoted": {"harm": 0.98}}})  # fmt: skip
        await self._scenario.ask(pages.ABOUT_MANUAL[0], tenant=LOCH)
        await self._scenario.ask("Which harmful thing does the lamp burn?", tenant=TERN)
        for text in (
            "Of which lamp is the moderator is broken?",
            "Of which lamp is the moderator is away?",
        ):
            await self._scenario.ask(text, tenant=TERN, left_s=4)
            await self._scenario.ask(text, tenant=TERN)
        self._configure(redact={"classifier": {"action": "shout", "heads": {}}})
        await self._scenario.ask("Which lamp is it?", tenant=TERN)
        self._configure(redact={"kinds": {"A B": 0.5}})
        await self._scenario.ask("Which lamp is it?", tenant=TERN)
        await self._rules()
        self._drive.configure()

    async def _rules(self) -> None:
        """Have rules of moderation that stand in each other's way, over a text in two batches."""
        rules = [{"action": "mask", "replacement": "#", "category": "e", "pattern": r"carry\.(?: It was)?"},
                 {"action": "mask", "replacement": "[x]", "category": "a", "pattern": "lies flat"},
                 {"action": "note", "replacement": "", "category": "b", "pattern": r"(?<=\[x\]) in"},
                 {"action": "mask", "replacement": "[y]", "category": "c", "pattern": r"(?<=\[x\]) i", "check": "card"},
                 {"action": "mask", "replacement": "[z]", "category": "d", "pattern": r"(?<=\[x\])[a-z ]+"}]  # fmt: skip
        self._configure(generate=TRUSTED, moderate={"rules": rules})
        text = pages.ABOUT_MANUAL[7]
        for said in (
            ("The keel is made of ash and lies flat in the boat.",),
            (f"{STANDS} ", "It was built in 2011 in Port Hale."),
        ):
            self._scripts[text] = Script(said)
            await self._scenario.ask(text, tenant=LOCH)
        del self._scripts[text]
        for odd in (
            {"pattern": "("},
            {"pattern": "x*"},
            {"pattern": "x", "action": "shout"},
            {"pattern": "x", "check": "moon"},
        ):
            self._configure(
                moderate={"rules": [{"action": "mask", "replacement": "", "category": "a"} | odd]}
            )
            await self._scenario.ask(text, tenant=LOCH)


def _retrieved(written: list[Event]) -> ChunksRetrieved:
    """Return what was found for a question."""
    [event] = [one for one in written if isinstance(one, ChunksRetrieved)]
    return event
