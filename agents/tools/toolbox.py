"""The toolbox: the tools of one request, and how each of them is used."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from agents.candidates import ranked
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.placeholders import cut, placeholders_in
from agents.policies.read_gate import read_gate
from agents.prompting import Sources, neutral, unify
from agents.routing import Routes
from agents.structured import breach
from agents.tools.calculating import CALCULATOR
from agents.tools.openapi import NAME, Operation, operations_of
from agents.tools.tool_policy import BUILT_IN, ToolPolicy
from agents.tools.tool_results import harmless, result_passage, told
from schemas import (
    Calculate,
    CallTool,
    CheckPolicy,
    ChunksRetrieved,
    Embed,
    Fetch,
    MapEntry,
    Numbered,
    Passage,
    PolicyDecision,
    Search,
    ToolCall,
    ToolExchange,
    ToolUse,
)
from schemas.prepared_types import prepared

SHOWN_MAX = 500  # characters of arguments and results that a record tells of a use
FOUND_MAX = 3  # passages of another search
CANDIDATES = 30
PERSONAL = "its arguments hold a person's data, which is not handed on"


def counted(passages: int) -> str:
    """Tell how many passages another search found."""
    return f"{passages} more passage{'' if passages == 1 else 's'}"


def _plain(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": 400, "description": description, **more}


def _arguments(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


DESCRIBED: Mapping[str, tuple[str, dict[str, Any]]] = {
    CALCULATOR: (
        "Works out an arithmetic expression exactly.",
        _arguments(
            expression=_plain("Numbers with a decimal point, + - * / ^ % and parentheses; no units")
        ),
    ),
    "retrieval": (
        "Searches the documents again, with other words.",
        _arguments(query=_plain("What to search for")),
    ),
    "policy": (
        "Says whether the configuration allows something.",
        _arguments(
            about={"type": "string", "enum": ["route", "region", "content", "tool"]},
            name=_plain("What is to be allowed"),
        ),
    ),
}
"""Built-in tools: what each does, and the schema of its arguments."""


ToolFunction = Callable[[ToolCall, Mapping[str, Any], Effects], Awaitable["UsedTool"]]


@dataclass(frozen=True)
class UsedTool:
    """What came of a call."""

    use: ToolUse
    exchange: ToolExchange
    """What the model is told of it."""
    passages: tuple[Passage, ...] = ()


class Toolbox:
    """The tools of one request. Raises Permanent for a configuration that can't be used."""

    def __init__(
        self, event: ChunksRetrieved, policy: ToolPolicy, routes: Routes | None = None
    ) -> None:
        self._event = event
        self._policy = policy
        self._routes = routes
        own = policy.tenant(event.meta.tenant)
        self._allowed = own
        named = [name for name in own.use if name not in BUILT_IN]
        self._operations: dict[str, Operation] = {
            operation.name: operation
            for document in own.interfaces
            for operation in operations_of(document, named)
        }
        if missing := [name for name in named if name not in self._operations]:
            raise Permanent(
                f"configuration of the tools: {event.meta.tenant} uses {missing[0]}, which none of "
                "its interfaces has; see docs/how-to/tools.md"
            )
        self.own = {name: self._described(name) for name in own.use}
        """Name, description and parameters of each, as models read them."""
        offered = {} if event.ask.tool_choice == "none" else _offered(event.ask.tools)
        self.asker = offered
        """Those of the asker, who calls them."""
        self._passages = event.passages
        """Those of the documents, and what tools gave so far."""
        self.policies: tuple[PolicyDecision, ...] = ()
        """What the policy in force said of what was searched for again."""

    @property
    def tools(self) -> list[dict[str, Any]]:
        """All of them; of two with one name the asker's."""
        return list({**self.own, **self.asker}.values())

    @property
    def needs_model(self) -> bool:
        """Whether a model is to be asked: the calculator alone answers what is arithmetic."""
        return bool(self.asker or set(self.own) - {CALCULATOR})

    @property
    def is_wanted(self) -> bool:
        """Whether an answer is to be sought here too."""
        return self.needs_model or bool(self._event.exchanges)

    @property
    def choice(self) -> str:
        """What the asker says of it: auto, required, or the name of a tool of theirs."""
        choice = self._event.ask.tool_choice
        return choice if choice == "required" or choice in self.asker else "auto"

    def _described(self, name: str) -> dict[str, Any]:
        if name in DESCRIBED:
            description, parameters = DESCRIBED[name]
        else:
            operation = self._operations[name]
            description, parameters = operation.description, dict(operation.parameters)
        return {"name": name, "description": description, "parameters": parameters}

    def given(self) -> tuple[UsedTool, ...]:
        """Return what the asker's tools gave before."""
        return tuple(
            self._used(
                ToolCall(id=one.id, name=one.name, arguments=one.arguments),
                told(one.result, self._policy.limits.result_characters),
                entries=self._event.entries,
            )
            for one in self._event.exchanges
        )

    async def use(self, call: ToolCall, fx: Effects) -> UsedTool:
        """Use a tool; whatever goes wrong is an answer that the model can read."""
        tool = self.own.get(call.name)
        if tool is None:
            return self._failed(call, "there is no such tool", "refused")
        if broken := breach(call.arguments, json.dumps(tool["parameters"])):
            return self._failed(
                call, f"the arguments do not follow the schema: {broken}", "refused"
            )
        arguments = json.loads(call.arguments)
        use = self._uses().get(call.name, self._ask_host)
        try:
            return await use(call, arguments, fx)
        except (Transient, Permanent) as error:
            return self._failed(call, str(error), "failed")
        except ValueError as error:
            return self._failed(call, str(error), "refused")

    def _uses(self) -> Mapping[str, ToolFunction]:
        return {CALCULATOR: self._calculate, "retrieval": self._search, "policy": self._check}

    async def _calculate(
        self, call: ToolCall, arguments: Mapping[str, Any], fx: Effects
    ) -> UsedTool:
        given = await fx(Calculate(expression=arguments["expression"]))
        if given.error:
            return self._failed(call, f"it has no value: {given.error}", "failed")
        equals = "=" if given.exact else "is about"
        return self._used(call, f"{arguments['expression']} {equals} {given.value}")

    async def _check(self, call: ToolCall, arguments: Mapping[str, Any], fx: Effects) -> UsedTool:
        about, name = arguments["about"], arguments["name"]
        contract = self._routes.contract(self._event.meta.tenant) if self._routes else None
        allowed: Mapping[str, tuple[str, ...] | None] = {
            "route": contract.routes if contract else None,
            "region": contract.regions if contract else None,
            "content": self._allowed.content,
            "tool": self._allowed.use,
        }
        listed = allowed[about]
        given = await fx(
            CheckPolicy(about=about, name=name, allowed=("*",) if listed is None else listed)
        )
        verdict = "allowed" if given.allowed else "not allowed"
        return self._used(call, f"The {about} {name} is {verdict}: {given.reason}.")

    async def _search(self, call: ToolCall, arguments: Mapping[str, Any], fx: Effects) -> UsedTool:
        """Search again, for the same reader: their groups and filters hold here too."""
        query, ask = arguments["query"], self._event.ask
        embedded = await fx(Embed(texts=(query,), kind="query"))
        entries = [one for one in self._unified().entries if one.placeholder in query]
        gate = read_gate(self._event, fx)
        found = await fx(
            Search(
                text=query,
                vector=embedded.vectors[0],
                entities=tuple(sorted({entry.digest for entry in entries})),
                filters=ask.filters,
                groups=ask.groups,
                limit=CANDIDATES,
                as_of=ask.as_of,
                described=gate.described,
            )
        )
        [found] = await gate.sifted([found], fx)
        self.policies = (*self.policies, *gate.decisions())
        best = ranked([found], {"lexical": 1.0, "dense": 1.0}).chunks[:FOUND_MAX]
        known = {passage.chunk for passage in self._passages}
        best = tuple(chunk for chunk in best if chunk not in known)
        fetched = await fx(Fetch(chunks=best, as_of=ask.as_of)) if best else None
        if fetched is None or not fetched.passages:
            return self._failed(call, "nothing else was found", "answered")
        passages = gate.classed(fetched.passages)
        return self._taken(call, passages, counted(len(passages)))

    async def _ask_host(
        self, call: ToolCall, arguments: Mapping[str, Any], fx: Effects
    ) -> UsedTool:
        operation = self._operations[call.name]
        host = self._policy.host(operation.origin)
        if host is None:
            why = f"its host {operation.origin} is not among those that may be asked"
            return self._failed(call, why, "refused")
        if placeholders_in(call.arguments):
            return self._failed(call, PERSONAL, "refused")
        given = await fx(
            CallTool(
                tool=call.name,
                method=operation.method,
                url=operation.url(arguments),
                body=operation.body(arguments),
                credential=host.credential,
                credential_header=host.credential_header,
                private=host.private,
                timeout_ms=host.timeout_ms,
                bytes_max=host.bytes_max,
                price=host.price,
                known=self._known,
                characters_max=self._policy.limits.result_characters,
            )
        )
        if not 200 <= given.status < 300:
            why = f"it answered {given.status}"
            return self._failed(call, why, "failed", given.cost_micros)
        return self._used(
            call,
            given.content or "done",
            uri=f"{operation.server}{operation.path}",
            cost_micros=given.cost_micros,
            entries=given.entries,
        )

    @property
    def _known(self) -> tuple[Numbered, ...]:
        """The values of the question."""
        return tuple(
            Numbered(placeholder=one.placeholder, kind=one.kind, digest=one.digest)
            for one in self._event.entries
        )

    def _used(
        self,
        call: ToolCall,
        text: str,
        uri: str = "",
        cost_micros: int = 0,
        entries: tuple[MapEntry, ...] = (),
    ) -> UsedTool:
        number = len(self._passages) + 1
        passage = result_passage(call.name, call.arguments, text, number, uri, entries)
        return self._taken(call, (passage,), None, cost_micros)

    def _taken(
        self,
        call: ToolCall,
        passages: tuple[Passage, ...],
        told_of: str | None = None,
        cost_micros: int = 0,
    ) -> UsedTool:
        """Keep what a tool gave, and tell the model of it: in one placeholder for one value.

        The record tells `told_of` of it, or what the last passage says.
        """
        self._passages = (*self._passages, *passages)
        shown = self._unified().passages[-len(passages) :]
        text = cut("\n".join(map(harmless, shown)), self._policy.limits.result_characters)
        exchange = ToolExchange(
            id=call.id, name=call.name, arguments=call.arguments, result=neutral(text)
        )
        if told_of is None:
            told_of = shown[-1].text
        return UsedTool(_use(call, "answered", told_of, cost_micros), exchange, passages)

    def _unified(self) -> Sources:
        return unify(replace(self._event, passages=self._passages))

    def withheld(self, call: ToolCall, why: str) -> UsedTool:
        """Tell the model that it may not be told of what a tool gave."""
        return self._failed(call, why, "refused")

    def _failed(self, call: ToolCall, why: str, outcome: str, cost_micros: int = 0) -> UsedTool:
        return UsedTool(
            _use(call, outcome, why, cost_micros),
            ToolExchange(
                id=call.id, name=call.name, arguments=call.arguments, result=f"{outcome}: {why}"
            ),
        )


class AskerTool(msgspec.Struct, frozen=True):
    """A tool of the asker."""

    name: Annotated[str, msgspec.Meta(pattern=NAME.pattern)]
    description: str = ""
    parameters: dict[str, Any] = {}


prepared(tuple[AskerTool, ...])


def _offered(tools: str) -> dict[str, dict[str, Any]]:
    """Read the asker's tools; raises Permanent where they can't be used."""
    if not tools:
        return {}
    try:
        read = msgspec.json.decode(tools, type=tuple[AskerTool, ...])
    except (msgspec.DecodeError, RecursionError):
        raise Permanent(
            "a question's tools are no list of tools, each with a name of 1 to 64 letters, digits, "
            "_ or -, a description and parameters"
        ) from None
    return {one.name: msgspec.to_builtins(one) for one in read}


def _use(call: ToolCall, outcome: str, result: str, cost_micros: int) -> ToolUse:
    return ToolUse(
        name=call.name,
        arguments=cut(call.arguments, SHOWN_MAX),
        outcome=outcome,
        result=cut(result, SHOWN_MAX),
        cost_micros=cost_micros,
    )
