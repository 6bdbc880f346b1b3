"""The server of the Model Context Protocol: the SDK's, with handlers that call the gateway.

It keeps nothing between two requests, so any gateway serves any client. Who calls is known for
each request anew, by the key that it came with.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.listening.known_documents import KnownDocument
from edge.problems import Problem
from edge.protocols.mcp import mcp_links
from edge.protocols.mcp.mcp_tools import TOOLS, McpCall
from edge.requests import limits
from streams.version import CODE
from streams.watching.logs import logger, places
from streams.watching.tracing import trace_id_of

log = logger("gateway")
TEXT_MAX = 1_000_000
"""Characters of a document read as one resource; more than any model takes at once."""
INSTRUCTIONS = (
    "Playhead answers from the documents of one tenant, as far as the key may read them. Use `ask` "
    "for an answer with citations and `search` for passages. Documents are resources; what they "
    "hold of personal data is replaced by placeholders, unless the key may see it."
)
Outcome = TypeVar("Outcome")


class McpHandlers:
    """What the server does for a request."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def list_tools(self, _context: Any, _params: Any) -> types.ListToolsResult:
        """List the tools."""
        return types.ListToolsResult(tools=TOOLS)

    async def call_tool(
        self, context: Any, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """McpCall a tool; what goes wrong in it is its result, so that a model can read it."""
        if params.name not in {"search", "ask"}:
            raise MCPError(
                types.INVALID_PARAMS, "there is no such tool: tools/list lists those that there are"
            )
        caller, state = caller_in(context), context.request.state
        key = context.request.headers.get("idempotency-key", "")
        call = McpCall(self._gateway, caller, key, state.traceparent, context.session)
        given = params.arguments or {}
        try:
            caller.need("ask")
            return await self._guarded(
                context, lambda: call.search(given) if params.name == "search" else call.ask(given)
            )
        except Problem as problem:
            return types.CallToolResult(
                content=[types.TextContent(text=problem.detail)],
                is_error=True,
                _meta={"playhead/problem": fields_of(problem, context)},
            )

    async def list_resources(
        self, context: Any, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """List documents that can be read, a page at a time."""
        caller = caller_in(context)
        after = (params.cursor if params else None) or ""
        if len(after) > limits.ID_MAX:
            raise MCPError(types.INVALID_PARAMS, "cursor: send the nextCursor of the page before")

        async def page() -> types.ListResourcesResult:
            caller.need("ask")
            access = self._gateway.access
            found = access.documents(caller, limits.PAGE, after=after)
            return types.ListResourcesResult(
                resources=[
                    resource_of(one, access.title(caller, one))
                    for one in found.documents
                    if one.manifest is not None and access.may_know(caller, one.id)
                ],
                next_cursor=found.next,
            )

        return await self._told(context, page)

    async def list_templates(
        self, _context: Any, _params: Any
    ) -> types.ListResourceTemplatesResult:
        """Say how documents and their chunks are addressed."""
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=template, name=name, description=what, mime_type="text/plain"
                )
                for template, name, what in (
                    (mcp_links.TEMPLATE, "document", "The text of a document."),
                    (mcp_links.PASSAGE_TEMPLATE, "chunk", "A passage that was found or cited."),
                )
            ]
        )

    async def read_resource(
        self, context: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Read a document, or a chunk of one."""
        caller = caller_in(context)

        async def text() -> types.ReadResourceResult:
            caller.need("ask")
            document, chunk = mcp_links.parts_of_address(params.uri)
            contents = await self._text(caller, document, chunk, context.request.state.traceparent)
            return types.ReadResourceResult(
                contents=[
                    types.TextResourceContents(
                        uri=params.uri, mime_type="text/plain", text=contents
                    )
                ]
            )

        return await self._told(context, text)

    async def _text(self, caller: Caller, document: str, chunk: str, trace: str) -> str:
        _, text = await self._gateway.texts.read(caller, document, "mcp: resources/read", trace)
        chunks = dict(text.chunks)
        if chunk:
            if chunk not in chunks:
                raise Problem(404, "not-found", f"no chunk {chunk!r} in this document now")
            return chunks[chunk]
        if sum(map(len, chunks.values())) > TEXT_MAX:
            raise Problem(
                413,
                "too-large",
                f"the document has more than {TEXT_MAX} characters: use `search`, or read a chunk "
                f"of it at {mcp_links.PASSAGE_TEMPLATE}",
            )
        return "\n\n".join(chunks.values())

    async def _told(self, context: Any, work: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Do some work; what goes wrong is an error of the protocol."""
        try:
            return await self._guarded(context, work)
        except Problem as problem:
            is_ours = problem.status >= 500
            code = types.INTERNAL_ERROR if is_ours else types.INVALID_PARAMS
            raise MCPError(code, problem.detail, fields_of(problem, context)) from None

    async def _guarded(self, context: Any, work: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Do some work; nothing of an error of our own but its ids reaches the client."""
        try:
            return await work()
        except (Problem, MCPError):
            raise
        except Exception as error:  # noqa: BLE001 - the SDK would tell what it says
            state = context.request.state
            log.error(  # noqa: TRY400 - a traceback may hold texts
                "unforeseen error",
                error=type(error).__name__,
                places=places(error),
                request=state.request_id,
                trace=trace_id_of(state.traceparent),
            )
            raise Problem(
                500, "internal", "an error of the gateway's own: report the ids"
            ) from None


def caller_in(context: Any) -> Caller:
    """Return who calls, as the route found out."""
    caller: Caller = context.request.state.caller
    return caller


def fields_of(problem: Problem, context: Any) -> dict[str, Any]:
    """Return the members of a problem document."""
    state = context.request.state
    return problem.fields(state.request_id, trace_id_of(state.traceparent))


def resource_of(document: KnownDocument, title: str | None) -> types.Resource:
    """Describe a document."""
    return types.Resource(
        uri=mcp_links.address_of(document.id),
        name=document.uri,
        title=title,
        description=f"{document.media_type}, version {document.version}",
        mime_type="text/plain",
    )


def server_of(gateway: Gateway) -> StreamableHTTPSessionManager:
    """Make the server of a gateway; it serves once it runs."""
    # its messages may quote what a client sent, and its spans would name whatever that is
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    handlers = McpHandlers(gateway)
    server: Server[Any] = Server(
        "playhead",
        version=CODE,
        title="Playhead",
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
    )
    server.middleware.clear()
    return StreamableHTTPSessionManager(server, stateless=True)
