"""Anthropic's models, by its SDK: it knows versions and headers; we read what it streams.

The SDK's own reader of events has no bound on what a peer may send, so events are read by ours. It
is given its key, address and client, and looks for none itself. Its interface takes neither seeds
nor temperatures, and no string of blanks that ends a text; such a one is looked for here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import anthropic
import msgspec

from agents.errors import Permanent, Transient
from connectors.arrivals import Arrival, in_parts, model_name
from connectors.providers.configured import ProviderSettings
from connectors.providers.credentials import credential
from connectors.providers.events import events
from connectors.providers.http import check_type, client, errors_of, refusal
from connectors.providers.native_tools import (
    GrowingCalls,
    anthropic_exchanges,
    anthropic_tools,
)
from connectors.providers.stopping import stopped
from schemas import Generate, Generated, GeneratedFinishReason, Usage
from schemas.prepared_types import prepared
from streams.running.breaker import Overdue
from streams.running.world import Call
from streams.settings import Settings

URL = "https://api.anthropic.com"
FINISHED: dict[str, GeneratedFinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}
TOKENS_MAX = 2**31 - 1  # that a record can hold


class _MessageUsage(msgspec.Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0

    @property
    def prompt(self) -> int:
        """Tokens of the prompt, those from a cache included."""
        read = self.cache_creation_input_tokens, self.cache_read_input_tokens
        return sum(number or 0 for number in (self.input_tokens, *read))


class _Message(msgspec.Struct):
    model: str = ""
    usage: _MessageUsage = msgspec.field(default_factory=_MessageUsage)


class _BlockDelta(msgspec.Struct):
    text: str | None = None
    stop_reason: str | None = None
    partial_json: str | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None


class _Event(msgspec.Struct):
    type: str
    message: _Message | None = None
    delta: _BlockDelta | None = None
    usage: _MessageUsage | None = None
    index: int = 0
    content_block: _Block | None = None


prepared(_Event)


class AnthropicAPI:
    """Generates by Anthropic's models."""

    def __init__(self, name: str, own: ProviderSettings, settings: Settings) -> None:
        self._name, self._own = name, own
        self._patience_s = settings.reader_patience_ms / 1_000
        self._http = client(name, own)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def generate(self, request: Generate, _call: Call) -> AsyncIterator[Generated]:
        """Continue a prompt."""
        pieces = stopped(self._pieces(request), request)
        async with aclosing(in_parts(pieces, self._patience_s)) as parts:
            async for part in parts:
                yield part

    async def _pieces(self, request: Generate) -> AsyncGenerator[Arrival, None]:
        async with errors_of(self._name):
            try:
                asked = self._sdk().messages.with_streaming_response.create(**self._body(request))
                async with asked as response:
                    check_type(self._name, response.headers)
                    told = events(response.http_response.aiter_raw(), request.max_tokens)
                    async with aclosing(self._read(told, request)) as pieces:
                        async for piece in pieces:
                            yield piece
            except anthropic.APIStatusError as error:
                raise refusal(self._name, error.status_code, error.response.headers) from None
            except anthropic.APITimeoutError:
                raise Overdue(f"provider {self._name} took too long") from None
            except anthropic.APIConnectionError:
                raise Transient(f"provider {self._name} is away") from None
            except anthropic.AnthropicError as error:
                kind = type(error).__name__
                raise Permanent(f"provider {self._name} can't be asked ({kind})") from None

    def _sdk(self) -> anthropic.AsyncAnthropic:
        """Make a client for one call, with the key of the moment; it holds no connection itself."""
        return anthropic.AsyncAnthropic(
            api_key=credential(self._own.auth) or "none",
            base_url=self._own.url or URL,
            max_retries=0,  # they are the connector's
            timeout=self._own.total_timeout_s,
            http_client=self._http,
            default_headers={"accept-encoding": "identity"},
            open_telemetry=False,
        )

    async def _read(
        self, told: AsyncIterator[str], request: Generate
    ) -> AsyncGenerator[Arrival, None]:
        model, reason, prompt, completion = "", "", 0, 0
        calls = GrowingCalls()
        async for data in told:
            event = self._decoded(data)
            if event.message is not None:
                model, prompt = model_name(event.message.model), event.message.usage.prompt
            if event.usage is not None:
                prompt = event.usage.prompt or prompt
                completion = event.usage.output_tokens or completion
            if event.content_block is not None and event.content_block.type == "tool_use":
                calls.add(event.index, event.content_block.id, event.content_block.name, "")
            if event.delta is not None and event.delta.partial_json is not None:
                calls.add(event.index, None, None, event.delta.partial_json)
            if event.delta is not None:
                reason = event.delta.stop_reason or reason
                yield Arrival(event.delta.text or "", model)
            if event.type == "message_stop":
                break
        if reason == "refusal":
            raise Permanent(f"provider {self._name} withholds its answer (refusal)")
        if not reason:
            raise Transient(f"provider {self._name} ended a generation before its last token")
        usage = Usage(
            prompt_tokens=min(prompt, TOKENS_MAX), completion_tokens=min(completion, TOKENS_MAX)
        )
        asked = calls.whole(request)
        ended = "tool_calls" if asked else FINISHED.get(reason, "stop")
        yield Arrival("", model, ended, usage, last=True, tool_calls=asked)

    def _decoded(self, data: str) -> _Event:
        try:
            event = msgspec.json.decode(data, type=_Event)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Transient(f"provider {self._name} sent an event that is none") from None
        if event.type == "error":
            raise Transient(f"provider {self._name} broke off a generation with an error")
        return event

    def _body(self, request: Generate) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.max_tokens,
            "messages": [
                {"role": "user", "content": self._content(request)},
                *anthropic_exchanges(request),
            ],
            "stream": True,
        }
        if request.system:
            body["system"] = request.system
        if stops := [text for text in request.stop if text.strip()]:
            body["stop_sequences"] = stops
        if request.tools:
            body |= anthropic_tools(request)
        if request.json_schema and self._own.grammar != "none":
            body["output_config"] = {"format": _format(request)}
        return body

    def _content(self, request: Generate) -> str | list[dict[str, Any]]:
        """Mark what other prompts begin with too, so that it is kept for them."""
        stable = request.prompt[: request.stable_characters]
        rest = request.prompt[request.stable_characters :]
        if not (self._own.prompt_cache and stable.strip() and rest.strip()):
            return request.prompt
        kept = {"type": "text", "text": stable, "cache_control": {"type": "ephemeral"}}
        return [kept, {"type": "text", "text": rest}]


def _format(request: Generate) -> dict[str, Any]:
    try:
        return {"type": "json_schema", "schema": json.loads(request.json_schema)}
    except (ValueError, RecursionError):
        raise Permanent("a response schema is no JSON: write it as a JSON schema") from None
