"""The fourth part of the golden log: documents, hosts and regions under policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streams.log.ids import document_id
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
SHED = "# Shed\n\nThe lock keeper keeps the boats of the lock in the shed."
LIKE = (
    "pay.md", "p*", "*s.md", "p*s.md", "*a*n*", "*n*a*", "l*ck*.m*d", "pla*ans.md", "plans*plans.md", "*", "", "\\*.md", "*lan*s.md*",
)  # fmt: skip
"""Patterns of each shape: ends of their own, pieces between, more than there is room for, a star that is meant."""
NAMING = (
    'resource == Document::"{plans}"',
    'Document::"{plans}" == resource',
    'principal == User::"{ada}" && resource.class == "pay"',
    '[Document::"{plans}", Document::"{pay}"].contains(resource)',
    'resource in Group::"moor/north"',
    'resource in [Group::"moor/north", Document::"{pay}"]',
    'resource in Tenant::"moor" && resource.class != "internal"',
    'resource.groups.contains("north")',
    "resource.groups.containsAny(principal.groups)",
    'principal.groups.isEmpty() && resource.class == "secret"',
    'resource has class && resource.class == "secret"',
    'resource.hasTag("team")',
    "resource.hasTag(resource.class)",
    'context.mode == "search" || resource.uri == "pay.md"',
)
"""What rules may tell documents and readers apart by: themselves, what they are within, what is said of them."""
SCOPES = (
    'principal, action == Action::"read", resource == Document::"{plans}"',
    'principal, action in [Action::"read", Action::"send"], resource is Document in Group::"moor/north"',
    "principal is User, action, resource is Document",
    'principal == User::"{ada}", action == Action::"read", resource in Tenant::"moor"',
    'principal in Group::"moor/clerks", action == Action::"read", resource',
)
ALL = '@id("all") permit(principal, action, resource);\n'


def _rule(name: str, condition: str = "true") -> str:
    """Spell a rule that denies reading."""
    head = f'@id("{name}") forbid(principal, action == Action::"read", resource)'
    return f"{head} when {{ {condition} }};"


UNUSABLE = (
    _rule("open", '"'), _rule("a") + _rule("a"), _rule("default"), _rule("unknown"), _rule("error"), _rule("n" * 100), _rule("n" * 101),
    _rule("two\\nlines"), *(_rule("deep", "(" * levels + "true" + ")" * levels) for levels in (28, 29, 30)),
    *(_rule("ifs", "if true then false else " * ifs + "true") for ifs in (15, 30, 31)),
    *(_rule("long", " || ".join(["false"] * words)) for words in (60, 520)),
    *("".join(_rule(f"r{number}", "false") for number in range(rules)) for rules in (999, 1_000)),
    '@id("t") permit(principal == ?principal, action, resource);', "forbid(principal, action, resource", "nothing", "// no rule",
    _rule("kind", "resource.moon == 1"), _rule("tag", 'resource.getTag("moon") == "full"'),
)  # fmt: skip
"""Policies of which each can't be used for a reason of its own, or just can."""
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
        await self._named()
        for policy in UNUSABLE:
            self._configure(ALL + policy)
            await self._scenario.ask(QUESTIONS[0], tenant=MOOR)
        for policy in (SHUT, BROKEN, PLACES):
            self._configure(policy)
            for tenant in (MOOR, FEN):
                await self._scenario.ask(QUESTIONS[0], tenant=tenant)

    async def _named(self) -> None:
        """Have documents told apart by each way in which rules may do so."""
        await self._scenario.submit("shed.md", SHED, MOOR, groups=("north", "south"))
        ids = {name: document_id(MOOR, f"{name}.md") for name in ("plans", "pay")}
        ids["ada"] = self._drive.requests.subject(MOOR, "ada")
        rules = [_rule("like", f'resource.uri like "{pattern}"') for pattern in LIKE]
        rules += [_rule("named", condition.format_map(ids)) for condition in NAMING]
        rules += [f'@id("scope") forbid({scope.format_map(ids)});' for scope in SCOPES]
        for number, rule in enumerate(rules):
            self._configure(ALL + rule)
            groups = ((), ("north",), ("clerks", "north"))[number % 3]
            await self._scenario.ask(QUESTIONS[1], tenant=MOOR, groups=groups)
        self._configure(READING, retrieve={"candidates": 2, "reranked": 2})
        for text in QUESTIONS:  # where what is denied leaves too little, more is searched for
            await self._scenario.ask(text, tenant=MOOR, groups=("north",))
        self._configure(ALL + '@id("mute") forbid(principal, action == Action::"send", resource);')
        for schema in ("", '{"type":"string"}'):
            await self._scenario.ask(QUESTIONS[0], tenant=MOOR, response_schema=schema)

    def _configure(self, policy: str, **more: Any) -> None:
        self._configured += 1
        routes = {"generate": {"routes": {"routes": ROUTES}}}
        changes = {"policy": {"cedar": policy}} | routes | more
        self._drive.configure(self._place / f"policed-{self._configured}", **changes)

    async def _ask(self) -> None:
        for tenant in (MOOR, FEN):
            for groups in ((), ("clerks",), ("clerks", "north")):
                await self._scenario.ask(QUESTIONS[1], tenant=tenant, groups=groups)
                await self._scenario.ask(QUESTIONS[1], tenant=tenant, groups=groups, mode="search")
            for text in (QUESTIONS[0], QUESTIONS[2], QUESTIONS[3]):
                await self._scenario.ask(text, tenant=tenant, groups=("north",))
            await self._scenario.ask(QUESTIONS[2], tenant=tenant, mode="search")
