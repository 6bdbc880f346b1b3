"""The tools of the Model Context Protocol: search and ask, on the path of every other question."""

from __future__ import annotations

from contextlib import ExitStack, aclosing
from typing import Annotated, Any, Protocol

import orjson
from mcp import types
from pydantic import BaseModel, ConfigDict, Field

from edge.answering.cursors import Frame
from edge.answering.following import Watch
from edge.answering.moves import AnswerState
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import from_fields
from edge.protocols.answer_shapes import AskResult, SearchResult
from edge.protocols.contents import WholeNumber, validated
from edge.protocols.http.bodies import Label, LabelKey, label_texts
from edge.protocols.mcp.mcp_links import link_to
from edge.requests import limits
from schemas import Ask

MESSAGE_MAX = 2_000
"""Characters of text in one notice of progress: who lags behind is told in fewer, longer ones."""
Budget = Annotated[
    WholeNumber | None,
    Field(
        ge=limits.BUDGET_MS[0],
        le=limits.BUDGET_MS[1],
        description="Milliseconds that it may take; what would come later is left out or refused.",
    ),
]


class SearchArguments(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(
        min_length=1, max_length=limits.QUESTION_MAX, description="What to look for, in any words."
    )
    k: WholeNumber = Field(
        limits.PASSAGES, ge=1, le=limits.PASSAGES_MAX, description="Passages at most."
    )
    filters: dict[LabelKey, Label] = Field(
        default_factory=dict,
        max_length=limits.FILTERS_MAX,
        description="Labels that a document must have, such as {'language': 'en'}.",
    )
    budget_ms: Budget = None


class AskArguments(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX, description="The question.")
    session_id: str = Field(
        "",
        max_length=limits.SESSION_MAX,
        description="The conversation to go on with, as an answer named it; empty for a new one.",
    )
    max_tokens: WholeNumber = Field(limits.ANSWER_TOKENS, ge=1, le=limits.ANSWER_TOKENS_MAX)
    budget_ms: Budget = None


class Progresses(Protocol):
    """Tells a client how far a call is; a client that did not ask for that is told nothing."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Tell it."""


READS = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
TOOLS = [
    types.Tool(
        name="search",
        title="Search the documents",
        description="Find passages of the documents that this key may read. Placeholders such as "
        "<PERSON_1> stand for personal data.",
        input_schema=SearchArguments.model_json_schema(),
        output_schema=SearchResult.model_json_schema(),
        annotations=READS,
    ),
    types.Tool(
        name="ask",
        title="Ask the documents",
        description="Answer a question from the documents that this key may read, with citations; "
        "says so where they hold no answer. Go on with a conversation by its session_id.",
        input_schema=AskArguments.model_json_schema(),
        output_schema=AskResult.model_json_schema(),
        annotations=READS,
    ),
]


class McpCall:
    """One call of a tool: who calls, and what of the HTTP request counts."""

    def __init__(
        self, gateway: Gateway, caller: Caller, key: str, trace: str, progress: Progresses
    ) -> None:
        """`key` is the idempotency key, empty for none."""
        self._gateway = gateway
        self._caller = caller
        self._key = key
        self._trace = trace
        self._progress = progress

    async def search(self, given: dict[str, Any]) -> types.CallToolResult:
        """Find passages; raises Problem."""
        fields = validated(given, SearchArguments)
        ask = Ask(
            mode="search", passages_max=fields.k, filters=label_texts(fields.filters), as_of=-1
        )
        question = NewQuestion(
            text=fields.text, ask=ask, budget_ms=fields.budget_ms, trace=self._trace
        )
        with ExitStack() as resources:
            watch = await self._asked("search", given, question, resources)
            passages = await self._gateway.follower.passages(self._caller, watch)
        content: list[types.ContentBlock] = []
        for one in passages:
            content += [types.TextContent(text=one["text"]), link_to(one)]
        if not passages:
            content.append(types.TextContent(text="Nothing was found."))
        told = {"request_id": watch.request.request, "passages": passages}
        return types.CallToolResult(content=content, structured_content=told)

    async def ask(self, given: dict[str, Any]) -> types.CallToolResult:
        """Answer a question, and tell meanwhile what of it there is; raises Problem."""
        fields = validated(given, AskArguments)
        question = NewQuestion(
            text=fields.text,
            session=fields.session_id,
            ask=Ask(max_tokens=fields.max_tokens),
            budget_ms=fields.budget_ms,
            trace=self._trace,
        )
        with ExitStack() as resources:
            watch = await self._asked("ask", given, question, resources)
            resources.enter_context(
                self._gateway.cancelling.stopped_when_left(
                    watch.request, may_return=bool(self._key)
                )
            )
            view = self._gateway.follower.view(self._caller, watch.request)
            count = 0
            async with aclosing(self._gateway.follower.bursts(watch, view)) as bursts:
                async for burst in bursts:
                    for message in told_of(burst):
                        count += 1
                        await self._progress.report_progress(count, message=message)
        if view.state is AnswerState.FAILED:
            raise from_fields(view.closing["error"])
        answer = view.snapshot()
        del answer["status"]
        links = [link_to(one, quote=one["quote"]) for one in answer["citations"]]
        return types.CallToolResult(
            content=[types.TextContent(text=answer["text"]), *links], structured_content=answer
        )

    async def _asked(
        self, tool: str, given: dict[str, Any], question: NewQuestion, resources: ExitStack
    ) -> Watch:
        """Put a question on the log, once for each idempotency key; raises Problem."""
        gateway, caller = self._gateway, self._caller
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        spelt = orjson.dumps([tool, given], option=orjson.OPT_SORT_KEYS)
        async with gateway.reception.once(caller, self._key, b"mcp\n" + spelt) as turn:
            return await gateway.ask_once(caller, question.in_its(turn), resources)


def told_of(burst: list[Frame]) -> list[str]:
    """Spell what came as progress: the text that was added, and what else happened."""
    told: list[str] = []
    text = ""
    for frame in burst:
        if frame["type"] == "delta" and len(text) < MESSAGE_MAX:
            text += frame["text"]
            continue
        if text:
            told.append(text)
            text = ""
        match frame["type"]:
            case "delta":
                text = frame["text"]
            case "step":
                told.append(f"[{frame['step']} took {frame['took_ms']} ms]")
            case "restarted":
                told.append("[the answer begins anew]")
            case _:
                pass
    return [*told, text] if text else told
