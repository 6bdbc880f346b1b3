"""The third part of the golden log: what is worked out, tools that models ask for, and those of the asker."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from tests.golden import tool_scripts as said
from tests.golden.canned_world import Script
from tests.golden.checked_talks import TRUSTED, Asking
from tests.golden.driving import Drive
from tests.golden.scripts import SIGNS

SUMS, QUAY = "sums", "quay"


class ToolTalks:
    """Puts the requests of the third part."""

    def __init__(
        self, scenario: Asking, drive: Drive, scripts: MutableMapping[str, Script], place: Path
    ) -> None:
        self._scenario, self._drive, self._scripts, self._place = scenario, drive, scripts, place
        self._configured = 0
        self._asked = 0

    async def play(self) -> None:
        """Put all of them."""
        for text in said.SUMS:
            await self._scenario.ask(text, tenant=SUMS)
        await self._scenario.ask(
            "What is 2 + 3?", tenant=SUMS, response_schema='{"type":"integer"}'
        )
        for name, page in (("quay", said.PAGE), ("office", said.OFFICE)):
            await self._scenario.submit(f"{name}.md", page, QUAY)
        await self._native()
        await self._held()
        await self._limits()
        await self._askers()
        await self._odd()

    def _configure(
        self,
        asking: str,
        trust: str = "phrase",
        more: Any = (),
        late_ms: int = 300,
        **tools: Any,
    ) -> None:
        self._configured += 1
        routes = [
            {
                "name": "first",
                "model": "chat",
                "trust": trust,
                "tools": asking,
                "regions": ["north"],
            },
            *more,
        ]
        contracts = (
            {"*": {"regions": ["north"], "routes": ["first", "public"]}}
            if asking == "native"
            else {}
        )
        changes = TRUSTED | {
            "routes": {"routes": routes, "contracts": contracts},
            "tools": said.tools(**tools),
            "late_ms": late_ms,
        }
        self._drive.configure(self._place / f"tools-{self._configured}", generate=changes)

    async def _ask(self, text: str, script: Script, **asks: Any) -> None:
        if script != Script():  # one that says nothing stands for a model that nobody asks
            self._scripts[text.replace("Orla Quist", "<PERSON_1>")] = (
                script  # as the model is asked it
            )
        await self._scenario.ask(text, tenant=QUAY, **{"passages_max": 1, **asks})

    async def _native(self) -> None:
        self._configure("native", limits={"result_characters": 103})
        for text, script in said.NATIVE.items():
            await self._ask(text, script)
        for late_ms, limits in ((9_000, {}), (1, {"time_ms": 1})):
            self._configure("native", late_ms=late_ms, limits=limits)
            for text in list(said.NATIVE)[:2]:
                await self._ask(f"Once more: {text}", Script(), left_s=5)
        self._configure(
            "native", "none", more=[{"name": "second", "model": "second", "tools": "grammar"}]
        )
        for text in list(said.NATIVE)[:2]:
            await self._ask(f"And again: {text}", said.NATIVE[text])
        await self._ask("Who breaks off at the quay?", Script(fails="transient"))
        public = {"name": "public", "model": "second", "tools": "native", "regions": ["north"]}
        self._configure("native", more=[public])
        for text in ("Who falls silent at the quay?", "Who breaks off at the quay?"):
            await self._ask(f"And then: {text}", said.NATIVE.get(text, Script(fails="transient")))

    async def _held(self) -> None:
        self._configure("grammar", "none")
        for text, script in said.HELD.items():
            await self._ask(text, script)

    async def _limits(self) -> None:
        for number, (price, form) in enumerate(((50, ""), (49, ""), (50, '{"type":"object"}'))):
            self._configure(
                "native", limits={"cost_max": 100, "calls_max": 2, "steps_max": 3}, price=price
            )
            script = Script(turns=tuple((said.weather(f"Oslo {at}", at),) for at in range(4)))
            await self._ask(
                f"What costs the quay, asks {price} {number}?", script, response_schema=form
            )

    async def _askers(self) -> None:
        for asking in ("native", "grammar", "none"):
            self._configure(asking)
            for way, choice, script in said.ASKING:
                if way == asking:
                    self._asked += 1
                    tools = said.PLAIN_LOOKUP if asking == "grammar" else said.LOOKUP
                    fields = {"tools": json.dumps(tools), "tool_choice": choice}
                    await self._ask(
                        f"How long is the quay, asks {SIGNS[self._asked]}?", script, **fields
                    )
        self._configure("native")
        for given in said.EXCHANGES:
            self._asked += 1
            taken = isinstance(given, list) and len(given) < 65
            text = f"Which berth has Orla Quist at the quay, asks {SIGNS[self._asked]}?"
            await self._ask(
                text,
                Script(turns=("Berth B7 is free. The berth is B7.",)) if taken else Script(),
                exchanges=json.dumps(given),
            )
        for tools in said.ODD_TOOLS:
            await self._scenario.ask("How wide is it?", tenant=SUMS, tools=tools)

    async def _odd(self) -> None:
        self._configure("native")
        for number in range(len(said.ODD_INTERFACES)):
            await self._scenario.ask("How wide is it?", tenant=f"odd-{number}")
