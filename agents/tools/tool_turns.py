"""Tool turns: a model asks for tools, they are used, until it has what it needs or a limit is met.

A model whose interface knows tools is given them in its own shapes; another one is held to JSON of
a schema that lets it name one tool, or none. What the tools gave becomes passages, so the answer is
composed, checked and cited like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from agents.answering.generation_policy import GenerationPolicy
from agents.answering.speaking import ModelReply
from agents.answering.tongues import language_of
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.json_texts import levels
from agents.prompting import neutral
from agents.routing import Route, Router
from agents.tools.tool_policy import ToolPolicy
from agents.tools.toolbox import Toolbox, UsedTool
from schemas import (
    ChunksRetrieved,
    Now,
    Passage,
    PolicyDecision,
    ToolCall,
    ToolExchange,
    ToolUse,
    Usage,
)

MS = 1_000  # microseconds
CHOICE_TOKENS = 200  # that a model may take to name a tool and its arguments
ARGUMENT_CHARACTERS = 200  # of a text that has no bound of its own
NO_TOOL = "none"
NEEDED = (
    "a tool was to be called ({choice}), and no model here asked for one: give a route "
    '"tools": "native" or "grammar" in routes.json, or leave the choice to the model'
)
ASK_FOR_TOOL = (
    "Tools:\n{tools}\n\n{given}Question: {question}\n"
    'Which tool gives what is missing? Answer in JSON; name "none" if nothing is missing.\n'
)


@dataclass
class Gathered:
    """What came of the turns."""

    passages: tuple[Passage, ...] = ()
    uses: tuple[ToolUse, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    """Tools of the asker that the model asks for: then nothing else is answered."""
    ended: str = ""
    """Which limit ended it, in words; empty for none."""
    cancelled: bool = False
    """Whether the asker wanted no answer any more while a model was asked."""
    reply: ModelReply | None = None
    """What the model said in the end, where it was given tools in its own shapes."""
    route: Route | None = None
    """Whose reply that is."""
    policies: tuple[PolicyDecision, ...] = ()
    """What the policy in force said of what tools searched for."""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    cost_micros: int = 0


class ToolTurns:
    """Has a model ask for the tools of one request."""

    def __init__(
        self,
        event: ChunksRetrieved,
        policy: GenerationPolicy,
        tools: ToolPolicy,
        box: Toolbox,
        router: Router,
    ) -> None:
        self._event = event
        self._policy = policy
        self._tools = tools
        self._box = box
        self._router = router
        self._language = event.language or language_of(event.question)
        self._exchanges: list[ToolExchange] = []
        self._asked: set[tuple[str, str]] = set()
        self.gathered = Gathered()

    async def run(self, fx: Effects, prompt: str) -> Gathered:
        """Ask the first route that can ask for tools; the next ones where it fails at once.

        Raises Permanent where a tool has to be called and nobody can ask for one.
        """
        for one in self._box.given():
            self._take(one)
        given = "\n".join(f"{one.arguments}\n{one.result}" for one in self._exchanges)
        for route in await self._router.order(fx, prompt):
            if route.tools == "none" or (given and self._router.against(route, given, ())):
                continue
            try:
                await self._turns(route, prompt, fx)
            except (Transient, Permanent) as error:
                self._router.failed(route, error)
                if self.gathered.uses[len(self._event.exchanges) :]:
                    break  # what was gathered is worth more than another model's word
                continue
            self._router.answered(route)
            return self.gathered
        if self._box.choice != "auto" and not self.gathered.uses:
            raise Permanent(NEEDED.format(choice=self._box.choice))
        return self.gathered

    async def _turns(self, route: Route, prompt: str, fx: Effects) -> None:
        limits, used = self._tools.limits, 0
        for _ in range(limits.steps_max):
            began_us = (await fx(Now())).at
            if why := self._over(began_us, fx.began_us):
                self._end(why)
                return
            calls = await self._asked_for(route, prompt, began_us, fx)
            if self.gathered.cancelled:
                return
            theirs = tuple(call for call in calls if call.name in self._box.asker)
            fresh = [call for call in calls if (call.name, _canonical(call)) not in self._asked]
            if calls and not fresh:
                # a model that is held to JSON names its tool again where nothing is missing
                if route.tools == "native":
                    self._end("loop", tool=calls[0].name)
                return
            if theirs:
                self.gathered.calls = theirs
                return
            if not calls:
                return
            for call in fresh:
                used += 1
                if used > limits.calls_max:
                    self._end("steps", count=str(limits.calls_max))
                    return
                used_tool = await self._box.use(call, fx)
                text = used_tool.exchange.result
                if why := self._router.against(route, text, used_tool.passages):
                    used_tool = self._box.withheld(call, f"{route.name} {why}")
                self._take(used_tool)
        self._end("steps", count=str(limits.steps_max))

    def _over(self, now_us: int, began_us: int) -> str:
        """Name the limit that is met before a model is asked again; empty for none."""
        limits = self._tools.limits
        deadline, late_ms = self._event.ask.deadline, self._policy.late_ms
        if now_us - began_us > limits.time_ms * MS:
            return "time"
        if deadline and now_us + late_ms * MS > deadline:
            return "time"
        if limits.cost_max and self.gathered.cost_micros >= limits.cost_max:
            return "cost"
        return ""

    def _end(self, why: str, **values: str) -> None:
        reason = self._tools.sentence(why, self._language, **values)
        self.gathered.ended = self._tools.sentence("ended", self._language, why=reason)

    def _take(self, used: UsedTool) -> None:
        """Keep what came of a call."""
        given = used.exchange
        self._exchanges.append(given)
        self._asked.add((given.name, _canonical(given)))
        self.gathered.uses += (used.use,)
        self.gathered.policies = self._box.policies
        self.gathered.passages += used.passages
        self.gathered.cost_micros += used.use.cost_micros

    async def _asked_for(
        self, route: Route, prompt: str, began_us: int, fx: Effects
    ) -> tuple[ToolCall, ...]:
        """Ask a model what to call; nothing where it has what it needs."""
        if route.tools == "native":
            listed = json.dumps(self._box.tools, sort_keys=True, separators=(",", ":"))
            reply = await self._heard(
                route,
                prompt,
                began_us,
                fx,
                max_tokens=max(CHOICE_TOKENS, self._event.ask.max_tokens),
                tools=listed,
                tool_choice="" if self._exchanges else _told_choice(self._box.choice),
                exchanges=tuple(self._exchanges),
            )
            self.gathered.reply, self.gathered.route = reply, route
            return reply.end.tool_calls if reply.end else ()
        must = self._box.choice != "auto" and not self._exchanges
        reply = await self._heard(
            route,
            self._asking(),
            began_us,
            fx,
            max_tokens=CHOICE_TOKENS,
            json_schema=_choice_schema(self._offered(), may_be_none=not must),
        )
        calls = self._read(reply.text)
        if must and not calls and not reply.cancelled:
            raise Permanent("a model named no tool, and had to")
        return calls

    async def _heard(
        self, route: Route, prompt: str, began_us: int, fx: Effects, **fields: Any
    ) -> ModelReply:
        """Hear a model out; its usage and cost count."""
        request = self._router.request(
            route, prompt, temperature=self._policy.temperature, **fields
        )
        reply = ModelReply(began_us)
        async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]  # has aclose
            async for part in parts:
                reply.hear(part)
                self.gathered.model = part.model or self.gathered.model
                if reply.over:
                    break
        self.gathered.cancelled = reply.cancelled
        self.gathered.cost_micros += reply.end.cost_micros if reply.end else 0
        self.gathered.usage = summed(self.gathered.usage, reply.usage)
        return reply

    def _offered(self) -> list[dict[str, Any]]:
        choice = self._box.choice
        if self._exchanges or choice == "auto":
            return self._box.tools
        return [one for one in self._box.tools if choice == "required" or one["name"] == choice]

    def _asking(self) -> str:
        """Write what a model without tools of its own is asked."""
        tools = "\n".join(_signature(one) for one in self._offered())
        given = "".join(
            f"{one.name}{neutral(one.arguments)} gave: {neutral(one.result)}\n"
            for one in self._exchanges
        )
        values = {
            "tools": tools,
            "given": f"{given}\n" if given else "",
            "question": neutral(self._event.query or self._event.question),
        }
        return ASK_FOR_TOOL.format(**values)

    def _read(self, text: str) -> tuple[ToolCall, ...]:
        """Read which tool was named; what is cut off or no JSON names none."""
        try:
            chosen = json.loads(text) if levels(text) < 64 else None
        except ValueError:
            return ()
        if not isinstance(chosen, dict) or chosen.get("tool", NO_TOOL) == NO_TOOL:
            return ()
        arguments = json.dumps(
            chosen.get("arguments", {}), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        number = len(self._exchanges) + 1
        request = self._event.meta.request.replace("-", "")[:16]
        call = ToolCall(
            id=f"call_{request}_{number}", name=str(chosen["tool"]), arguments=arguments
        )
        return (call,)


def summed(one: Usage, other: Usage) -> Usage:
    """Add up what two calls took."""
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
    )


def _told_choice(choice: str) -> str:
    return "" if choice == "auto" else choice


def _choice_schema(tools: Sequence[dict[str, Any]], *, may_be_none: bool) -> str:
    """Return the schema of a choice: one tool with its arguments, or none."""
    choices = [
        {
            "type": "object",
            "properties": {
                "tool": {"const": one["name"]},
                "arguments": _with_ends(one["parameters"]),
            },
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for one in tools
    ]
    if may_be_none:
        nothing = {
            "type": "object",
            "properties": {"tool": {"const": NO_TOOL}},
            "required": ["tool"],
            "additionalProperties": False,
        }
        choices.append(nothing)
    # in this order: a grammar has the model name the tool before it fills in arguments
    return json.dumps({"anyOf": choices}, separators=(",", ":"))


def _with_ends(parameters: dict[str, Any]) -> dict[str, Any]:
    """Give texts without a bound one, since a small model may never end them."""
    properties = parameters.get("properties")
    if not isinstance(properties, dict):
        return parameters
    ended = {
        name: {"maxLength": ARGUMENT_CHARACTERS, **schema}
        if isinstance(schema, dict) and schema.get("type") == "string" and "enum" not in schema
        else schema
        for name, schema in properties.items()
    }
    return {**parameters, "properties": ended}


def _signature(tool: dict[str, Any]) -> str:
    """Describe a tool in a line; one without arguments where its properties are no object."""
    properties = tool["parameters"].get("properties")
    if not isinstance(properties, dict):
        properties = {}
    arguments = ", ".join(
        f"{name}: {schema.get('type', 'any') if isinstance(schema, dict) else 'any'}"
        for name, schema in properties.items()
    )
    return f"- {tool['name']}({arguments}): {neutral(str(tool.get('description', '')))}"


def _canonical(call: ToolCall | ToolExchange) -> str:
    """Spell arguments so that equal ones are equal."""
    try:
        return json.dumps(json.loads(call.arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return call.arguments
