"""The golden log's questions about what chooses for an answer: a small model its statements, a dictionary its words, a delay its route."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from schemas import Hedged
from tests.golden import pages
from tests.golden.canned_world import Script
from tests.golden.checked_talks import LOCH, TRUSTED, Asking
from tests.golden.driving import Drive
from tests.golden.scripts import SIGNS

KEPT = (
    '{"keep": [2]}', '{"keep": [4, 3, 3]}', '{"keep": []}', '{"keep": [5]}', '{"keep": [true]}', '{"keep": [1, 9]}', '{"keep": 2}', "[2]", '{"keep": [2',
    '{"keep": [2], "a": [[[[[[]]]]]]}', '{"keep": [2], "a": [[[[[[[]]]]]]]}', '{"keep": [4, 2, 3]}',
)  # fmt: skip
"""What a small model says that is asked which statements are needed: numbers, or what names none."""
GLIDER = "What is written of the keel and the sail of the glider, asks kept {}?"
DISTILLING: dict[str, Any] = {"route": "second", "candidates_max": 4, "reserve_ms": 900}
SYNONYMS = {
    "*": [["glider", "skiff of canvas"], ["canvas", "cloth"], ["sail", "canvas sheet"]],
    LOCH: [["keel", "backbone"], ["warden of the glider", "keeper"], ["cloth", *(f"weave {n}" for n in range(9))]],
}  # fmt: skip
"""Names of what documents call otherwise: of several words, within each other, of everybody and of a tenant."""
NAMED = (
    "What is the skiff of canvas?", "How heavy is the canvas sheet of the skiff of canvas?", "What does the backbone do?",
    "Who is the keeper of the cloth?", "Where was the skiff built?", "How heavy is the keel of the glider?",
)  # fmt: skip
ASIDE_ROUTES = [
    {"name": "best", "model": "chat", "quality": 1, "trust": "phrase", "input_price": 9, "output_price": 9},
    {"name": "quoting", "model": "chat", "quality": 1, "trust": "quote", "input_price": 9, "output_price": 9},
    {"name": "second", "model": "second", "quality": 2, "trust": "phrase", "input_price": 20, "output_price": 30, "system": "Be brief."},
]  # fmt: skip
PRICES_MAX = (4_000, 6_000, 8_000, 10_000, 12_000, 14_000)
"""Contracts that pay one route, and not the other beside it, or both."""
SLOW_ROUTES = [
    {"name": "slow", "model": "chat", "trust": "phrase", "first_token_ms": 90_000},
    {"name": "small", "model": "second", "quality": 2, "trust": "phrase", "distilled": True, "first_token_ms": 90_000},
    {"name": "none", "model": "second", "quality": 3, "trust": "phrase"},
]  # fmt: skip
"""One takes longer than anybody waits; and of how they fared nobody tells."""
EXPERIMENTS: dict[str, list[dict[str, Any]]] = {
    "retrieve": [{"name": "few", "share": 0.4, "reranked": 2}, {"name": "brief", "share": 0.3, "budget_tokens": 40}],
    "rewrite": [{"name": "short", "share": 0.4, "turns": 1}, {"name": "forgetful", "share": 0.3, "decay": 0.0, "topics": 0}],
}  # fmt: skip
"""Of the steps before generate: some requests get the first, some the second, some none."""
BUOYS = (
    "amber",
    "blue",
    "crimson",
    "drab",
    "ebony",
    "fawn",
    "green",
    "hazel",
    "indigo",
    "jade",
    "khaki",
)
"""More of a kind than a prompt looks at."""
ASIDE = "Where was the glider built, asks aside {}?"


class ChosenTalks:
    """Puts them."""

    def __init__(
        self, scenario: Asking, drive: Drive, scripts: MutableMapping[str, Script], place: Path
    ) -> None:
        self._scenario, self._drive, self._scripts, self._place = scenario, drive, scripts, place
        self._configured = 0

    async def play(self) -> None:
        """Put all of them."""
        await self._distilled()
        await self._named()
        await self._hedged()
        await self._priced()
        await self._experimented()
        await self._bounded()
        self._drive.configure()

    def _configure(self, **changes: Any) -> None:
        self._configured += 1
        self._drive.configure(self._place / f"chosen-{self._configured}", **changes)

    async def _distilled(self) -> None:
        for number, said in enumerate(KEPT):
            text = GLIDER.format(SIGNS[number])
            self._scripts[f"{text}\nWhich statements are needed"] = Script((said,))
            adaptive = {"near": 0.5, "tokens_max": 30 if number == 11 else 60}
            if number in {0, 11}:
                self._configure(generate=TRUSTED | {"distilling": DISTILLING, "adaptive": adaptive})
            await self._scenario.ask(text, tenant=LOCH)
        for number, left_s in enumerate((0.85, 0.95, 5)):
            text = GLIDER.format(SIGNS[len(KEPT) + number])
            fails = "permanent" if number == 2 else ""
            asked = f"{text}\nWhich statements are needed"
            self._scripts[asked] = Script((KEPT[0],), fails=fails)
            await self._scenario.ask(text, tenant=LOCH, left_s=left_s)
            if left_s < 1:  # whether there is time left for it is the machine's
                del self._scripts[asked]
        for odd in (
            DISTILLING | {"route": "none"},
            DISTILLING | {"candidates_max": 1},
            DISTILLING | {"candidates_max": 2},
        ):
            self._configure(generate=TRUSTED | {"distilling": odd})
            await self._scenario.ask(GLIDER.format("odd"), tenant=LOCH)

    async def _named(self) -> None:
        self._configure(retrieve={"dictionary": SYNONYMS, "reranked": 3})
        for text in NAMED:
            await self._scenario.ask(text, tenant=LOCH)
        await self._scenario.ask(NAMED[0], tenant="north")
        for text in (NAMED[1], "How does the ranking fail of the glider, when ranking fails?"):
            for most in (2, 3, 4, 8):  # more than were reranked, which stand behind them
                await self._scenario.ask(text, tenant=LOCH, mode="search", passages_max=most)

    async def _hedged(self) -> None:
        for number, (policy, contract, left_s, outcome) in enumerate((
            ({"after_ms": 700}, {}, None, "won"),
            ({"after_ms": 700}, {}, None, "lost"),
            ({"after_ms": 700, "calls_min": 90}, {}, 5, "too_many"),
            ({"after_ms": 700, "calls_min": 91}, {}, None, ""),
            ({"after_ms": 100_000}, {}, 5, ""),
            ({"after_ms": 700}, {"price_max": 1}, None, ""),
            ({"after_ms": 700}, {"price_max": 40_000}, None, ""),
        )):  # fmt: skip
            routes = {"routes": ASIDE_ROUTES, "hedging": policy, "contracts": {"*": contract}}
            self._configure(generate=TRUSTED | {"routes": routes})
            hedged = Hedged(outcome=outcome, route="second", after_ms=700) if outcome else None
            text = ASIDE.format(SIGNS[number])
            if contract.get("price_max") != 1:  # which no route costs
                said = ("It was built in 2011 in Port Hale.",)
                self._scripts[text] = Script(said, hedged=hedged)
            await self._scenario.ask(text, tenant=LOCH, left_s=left_s)

    async def _priced(self) -> None:
        for sign, price_max in zip(SIGNS[10:], PRICES_MAX, strict=False):
            contracts = {"*": {"price_max": price_max}}
            routes = {"routes": ASIDE_ROUTES, "hedging": {"after_ms": 700}, "contracts": contracts}
            self._configure(generate=TRUSTED | {"routes": routes})
            await self._scenario.ask(ASIDE.format(sign), tenant=LOCH)
        for routes in (ASIDE_ROUTES[:2], SLOW_ROUTES):
            routed = {"routes": routes, "hedging": {"after_ms": 700}}
            self._configure(generate=TRUSTED | {"routes": routed})
            for left_s in (60, None):
                await self._scenario.ask(ASIDE.format("larch"), tenant=LOCH, left_s=left_s)

    async def _experimented(self) -> None:
        """Compare arms of the steps before generate."""
        for step, arms in EXPERIMENTS.items():
            for named in ({}, {"experiment": "fewer words"}):
                self._configure(**{step: {"arms": arms} | named})
                for text in (*pages.ABOUT_MANUAL[:5], "And who may lend it?"):
                    await self._scenario.ask(text, f"{step}-{len(named)}", LOCH)
            for odd in (
                {"name": "broken", "portion": 1},
                {"share": 1},
                {"name": "many", "share": "all"},
            ):
                self._configure(**{step: {"arms": [odd]}})
                await self._scenario.ask(pages.ABOUT_MANUAL[0], tenant=LOCH)

    async def _bounded(self) -> None:
        """Ask for more than is looked at, and for what stands beside, where the index tells and where not."""
        for number, buoy in enumerate(BUOYS):
            near, far = SIGNS[number], SIGNS[number + len(BUOYS)]
            text = f"# {buoy.title()}\n\nThe {buoy} buoy marks a shoal from {near} to {far}."
            await self._scenario.submit(f"{buoy}.md", text, "buoys")
        await self._scenario.submit(
            "pier.md", "# Pier\n\nThe neighbours are away from the pier.", "buoys"
        )
        self._configure(generate=TRUSTED, retrieve={"gap": 2.0})
        for most in (8, 9, 10):
            await self._scenario.ask("Which buoy marks a shoal?", tenant="buoys", passages_max=most)
        await self._scenario.ask("Who is away from the pier?", tenant="buoys")
        for tokens in (1, 12):
            self._configure(retrieve={"window": {"tokens": tokens, "passages": 1}})
            await self._scenario.ask("Where is the amber buoy?", tenant="buoys")
