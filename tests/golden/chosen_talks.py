"""The golden log's questions about what chooses for an answer: a small model its statements, a dictionary its words, a delay its route."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from schemas import Hedged
from tests.golden.canned_world import Script
from tests.golden.checked_talks import LOCH, TRUSTED, Asking
from tests.golden.driving import Drive

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
        self._drive.configure()

    def _configure(self, **changes: Any) -> None:
        self._configured += 1
        self._drive.configure(self._place / f"chosen-{self._configured}", **changes)

    async def _distilled(self) -> None:
        for number, said in enumerate(KEPT):
            text = GLIDER.format(number)
            self._scripts[f"{text}\nWhich statements are needed"] = Script((said,))
            adaptive = {"near": 0.5, "tokens_max": 30 if number == 11 else 60}
            if number in {0, 11}:
                self._configure(generate=TRUSTED | {"distilling": DISTILLING, "adaptive": adaptive})
            await self._scenario.ask(text, tenant=LOCH)
        for number, left_s in enumerate((0.85, 0.95, 5)):
            text = GLIDER.format(f"late {number}")
            fails = "permanent" if number == 2 else ""
            self._scripts[f"{text}\nWhich statements are needed"] = Script((KEPT[0],), fails=fails)
            await self._scenario.ask(text, tenant=LOCH, left_s=left_s)
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
            text = ASIDE.format(number)
            self._scripts[text] = Script(("It was built in 2011 in Port Hale.",), hedged=hedged)
            await self._scenario.ask(text, tenant=LOCH, left_s=left_s)
