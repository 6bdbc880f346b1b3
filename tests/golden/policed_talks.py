"""The fourth part of the golden log: documents, hosts and regions under policies."""

from __future__ import annotations

from pathlib import Path

from tests.golden.checked_talks import Asking
from tests.golden.driving import Drive

MOOR, FEN = "moor", "fen"
PAGES = {
    "lock.md": ("# Lock\n\nThe lock keeper opens the lock at six. The lock has four gates.", {}),
    "pay.md": (
        "# Pay\n\nThe lock keeper earns ninety crowns. Pay is due on Friday.",
        {"class": "pay"},
    ),
    "plans.md": (
        "# Plans\n\nThe lock will be sold in spring. The plans are in the safe.",
        {"class": "secret"},
    ),
    "notes.md": (
        "# Notes\n\nThe lock keeper Orla Quist keeps notes on each gate.",
        {"team": "north"},
    ),
}
READING = """
@id("all")
permit(principal, action == Action::"read", resource);
@id("pay is for clerks")
forbid(principal, action == Action::"read", resource)
when { resource.class == "pay" } unless { principal in Group::"moor/clerks" };
@id("teams keep to themselves")
forbid(principal, action == Action::"read", resource)
when { resource.hasTag("team") && !principal.groups.contains(resource.getTag("team")) };
@id("plans are not searched")
forbid(principal, action == Action::"read", resource)
when { resource.class == "secret" && context.mode == "search" };
"""
SENDING = """
@id("hosts")
permit(principal, action == Action::"send", resource);
@id("secrets stay north")
forbid(principal, action == Action::"send", resource)
when { context.documents.contains("secret") } unless { resource.regions.contains("north") };
@id("people stay here")
forbid(principal, action == Action::"send", resource)
when { context.class == "personal" && resource.provider != "triton" };
"""
PLACES = """
@id("anywhere")
permit(principal, action == Action::"process", resource);
@id("fen stays north")
forbid(principal == Tenant::"fen", action == Action::"process", resource)
unless { resource == Region::"north" };
"""
SHUT = '@id("nobody") forbid(principal, action == Action::"read", resource);'
BROKEN = (
    READING
    + """
@id("counts") forbid(principal, action == Action::"read", resource)
when { 9223372036854775807 + 1 == 1 };
"""
)
QUESTIONS = (
    "When does the lock keeper open the lock?",
    "What does the lock keeper earn?",
    "When will the lock be sold?",
    "Who keeps notes on each gate?",
)
ROUTES = [
    {
        "name": "first",
        "model": "chat",
        "trust": "phrase",
        "provider": "abroad",
        "regions": ["south"],
    },
    {"name": "second", "model": "second", "trust": "phrase", "regions": ["north"], "quality": 2},
]


class PolicedTalks:
    """Puts the requests of the fourth part."""

    def __init__(self, scenario: Asking, drive: Drive, place: Path) -> None:
        self._scenario, self._drive, self._place = scenario, drive, place
        self._configured = 0

    async def play(self) -> None:
        """Put all of them."""
        for tenant in (MOOR, FEN):
            for uri, (text, metadata) in PAGES.items():
                await self._scenario.submit(uri, text, tenant, metadata=metadata)
        for policy in (READING, READING + SENDING + PLACES):
            self._configure(policy)
            await self._ask()
        for policy in (SHUT, BROKEN, PLACES):
            self._configure(policy)
            for tenant in (MOOR, FEN):
                await self._scenario.ask(QUESTIONS[0], tenant=tenant)

    def _configure(self, policy: str) -> None:
        self._configured += 1
        changes = {"policy": {"cedar": policy}, "generate": {"routes": {"routes": ROUTES}}}
        self._drive.configure(self._place / f"policed-{self._configured}", **changes)

    async def _ask(self) -> None:
        for tenant in (MOOR, FEN):
            for groups in ((), ("clerks",), ("clerks", "north")):
                await self._scenario.ask(QUESTIONS[1], tenant=tenant, groups=groups)
                await self._scenario.ask(QUESTIONS[1], tenant=tenant, groups=groups, mode="search")
            for text in (QUESTIONS[0], QUESTIONS[2], QUESTIONS[3]):
                await self._scenario.ask(text, tenant=tenant, groups=("north",))
            await self._scenario.ask(QUESTIONS[2], tenant=tenant, mode="search")
