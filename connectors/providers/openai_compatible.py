"""Any server of OpenAI's interface: vLLM, llama.cpp, Ollama, Azure, OpenAI itself.

`POST <url>/chat/completions` or `<url>/completions`, streaming. What a server does not know of a
request it leaves out or refuses with 400; what this relies on is in all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from agents.errors import Permanent, Transient
from connectors.arrivals import Arrival, in_parts, model_name
from connectors.providers.configured import ProviderSettings
from connectors.providers.credentials import credential
from connectors.providers.events import events
from connectors.providers.http import check_type, client, errors_of, refusal
from connectors.providers.native_tools import GrowingCalls, openai_exchanges, openai_tools
from connectors.providers.stopping import stopped
from schemas import Generate, Generated, GeneratedFinishReason, Usage
from schemas.prepared_types import prepared
from streams.running.world import Call
from streams.settings import BadSetting, Settings

STOPS_MAX = 4  # OpenAI takes no more; all are looked for here too
DONE = "[DONE]"
FINISHED: dict[str, GeneratedFinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str | None = None
    usage: _Usage | None = None
    error: Any = None


prepared(_Chunk)


class OpenAICompatible:
    """Generates by a server of OpenAI's interface."""

    def __init__(self, name: str, own: ProviderSettings, settings: Settings) -> None:
        if not own.url.startswith(("http://", "https://")):
            raise BadSetting(f"provider {name}: url must begin with http:// or https://")
        self._name, self._own = name, own
        self._patience_s = settings.reader_patience_ms / 1_000
        self._client = client(name, own)
        path = "chat/completions" if own.api == "chat" else "completions"
        self._url = f"{own.url.rstrip('/')}/{path}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def generate(self, request: Generate, _call: Call) -> AsyncIterator[Generated]:
        """Continue a prompt."""
        pieces = stopped(self._pieces(request), request)
        async with aclosing(in_parts(pieces, self._patience_s)) as parts:
            async for part in parts:
                yield part

    async def _pieces(self, request: Generate) -> AsyncGenerator[Arrival, None]:
        async with (
            errors_of(self._name),
            self._client.stream(
                "POST",
                self._url,
                params=self._own.query or None,
                headers=self._headers(),
                content=json.dumps(self._body(request)).encode(),
            ) as response,
        ):
            if response.status_code != 200:
                raise refusal(self._name, response.status_code, response.headers)
            check_type(self._name, response.headers)
            async with aclosing(
                self._read(events(response.aiter_raw(), request.max_tokens), request)
            ) as pieces:
                async for piece in pieces:
                    yield piece

    async def _read(
        self, told: AsyncIterator[str], request: Generate
    ) -> AsyncGenerator[Arrival, None]:
        """Read the events of an answer; usage comes after the reason why it ended."""
        reason: GeneratedFinishReason = ""
        usage, count, calls = None, 0, GrowingCalls()
        async for data in told:
            if data == DONE:
                break
            chunk = self._decoded(data)
            usage = _usage_of(chunk) or usage
            model = model_name(chunk.model or request.model)
            for choice in chunk.choices[:1]:
                text = (choice.delta and choice.delta.content) or choice.text or ""
                count += bool(text)
                for one in (choice.delta and choice.delta.tool_calls) or ():
                    told_of = one.function or _Function()
                    calls.add(one.index, one.id, told_of.name, told_of.arguments)
                yield Arrival(text, model)
                reason = self._reason(choice.finish_reason) or reason
            if reason and usage:
                break
        if not reason:
            raise Transient(f"provider {self._name} ended a generation before its last token")
        usage = usage or Usage(completion_tokens=count)
        asked = calls.whole(request)
        ended: GeneratedFinishReason = "tool_calls" if asked else reason
        yield Arrival("", "", ended, usage, last=True, tool_calls=asked)

    def _decoded(self, data: str) -> _Chunk:
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Transient(f"provider {self._name} sent an event that is no chunk") from None
        if chunk.error is not None:
            raise Transient(f"provider {self._name} broke off a generation with an error")
        return chunk

    def _reason(self, told: str | None) -> GeneratedFinishReason:
        """Translate a finish reason; raises Permanent where the provider withholds the answer."""
        if told == "content_filter":
            raise Permanent(f"provider {self._name} withholds its answer (content_filter)")
        return FINISHED.get(told, "stop") if told else ""

    def _headers(self) -> dict[str, str]:
        headers = {
            "accept": "text/event-stream",
            "accept-encoding": "identity",
            "content-type": "application/json",
        }
        if key := credential(self._own.auth):
            bearer = self._own.auth_header.lower() == "authorization"
            headers[self._own.auth_header] = f"Bearer {key}" if bearer else key
        return headers

    def _body(self, request: Generate) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            self._own.tokens_field: request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._prompt(request),
        }
        if self._own.api == "chat" and self._cloud:
            body["store"] = self._own.retention
        if request.stop and not request.json_schema:
            body["stop"] = list(request.stop[:STOPS_MAX])
        if request.json_schema:
            body |= self._grammar(request)
        if request.tools:
            body |= openai_tools(request)
        if self._own.prompt_cache and request.stable_characters and self._cloud:
            stable = request.prompt[: request.stable_characters].encode()
            body["prompt_cache_key"] = hashlib.sha256(stable).hexdigest()[:32]
        return body

    @property
    def _cloud(self) -> bool:
        """Whether it is asked with a key: such a one keeps texts, and shares its cache by keys."""
        return bool(self._own.auth)

    def _prompt(self, request: Generate) -> dict[str, Any]:
        if self._own.api == "completions":
            whole = f"{request.system}\n\n{request.prompt}" if request.system else request.prompt
            return {"prompt": whole}
        system = [{"role": "system", "content": request.system}] if request.system else []
        asked = {"role": "user", "content": request.prompt}
        return {"messages": [*system, asked, *openai_exchanges(request)]}

    def _grammar(self, request: Generate) -> dict[str, Any]:
        try:
            schema = json.loads(request.json_schema)
        except (ValueError, RecursionError):
            raise Permanent("a response schema is no JSON: write it as a JSON schema") from None
        if self._own.grammar == "json_schema":  # llama.cpp's own, on each of its addresses
            return {"json_schema": schema}
        if self._own.grammar == "response_format":
            told = {"name": "answer", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": told}}
        return {}


def _usage_of(chunk: _Chunk) -> Usage | None:
    if chunk.usage is None:
        return None
    return Usage(
        prompt_tokens=_count(chunk.usage.prompt_tokens),
        completion_tokens=_count(chunk.usage.completion_tokens),
    )


def _count(number: int | None) -> int:
    """Return a number of tokens that a record can hold."""
    return max(0, min(number or 0, 2**31 - 1))
