"""Effects from the record: the same steps run again, and nothing outside is asked.

Recorded effects are answered with the response that the log keeps. Local ones (unsealing, parsing)
are executed again, since the log keeps only a keyed digest of what they gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from schemas import Effect, Fail, Record, Request, StreamRequest
from streams.log.codec import Codec, Undecodable
from streams.running.live import error_text
from streams.running.run import Emit, Input, Run, request_digest, response_digest
from streams.running.world import Call, Handler
from streams.topics import Step


class Divergence(BaseException):
    """The run did something else than the record says.

    Not an Exception: a step that catches the errors of its effects must not catch this.
    """


class Exhausted(BaseException):
    """The record ends here: an attempt that was cut off by a crash and superseded."""


class GivenUp(BaseException):
    """The record says that the machinery gave up here: an outcome did not fit a record."""


class Unverifiable(BaseException):
    """This process can't execute a local effect again: that says nothing of the record."""


class Erased(BaseException):
    """A key that the run needs was destroyed: its subject was erased."""


class RecordedRun(Run):
    """A run that answers from the record."""

    def __init__(
        self,
        step: Step,
        given: Input,
        emit: Emit,
        *,
        effects: Sequence[Effect],
        closed: bool,
        codec: Codec,
        digest_key: bytes,
        local: Mapping[type[Request[Any]], Handler],
        configuration: Callable[[str], dict[str, Any]],
    ) -> None:
        super().__init__(step, given, emit)
        self._closed = closed
        self._codec = codec
        self._digest_key = digest_key
        self._local = local
        self._read_configuration = configuration
        self._recorded: defaultdict[int, list[Effect]] = defaultdict(list)
        for effect in effects:
            self._recorded[effect.number].append(effect)
        self.consumed = 0
        """Effects answered so far."""

    @cached_property
    def _call(self) -> Call:
        return Call.over(self.input)

    def _configuration(self, digest: str) -> dict[str, Any]:
        return self._read_configuration(digest)

    def unused(self) -> int:
        """Count the recorded effects that the run did not ask for."""
        return sum(len(parts) for parts in self._recorded.values()) - self.consumed

    def failed(self) -> bool:
        """Say whether the record ends with the step having given up."""
        parts = self._recorded.get(self._issued, [])
        return bool(parts) and parts[0].kind == Fail.SCHEMA

    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        """Answer from the record; local effects are executed, which may take a while."""
        if request.EFFECT == "local":
            return None
        effect = self._first_part(number, request)
        return self._recorded_answer(effect, request), effect

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        effect = self._first_part(number, request)
        return error_of(effect.error) if effect.error else await self._repeat(
            effect, request
        ), effect

    def _first_part(self, number: int, request: Request[Any]) -> Effect:
        parts = self._recorded.get(number, [])
        if not parts:
            raise self._end(number, request)
        effect = parts[0]
        if effect.kind == Fail.SCHEMA and not isinstance(request, Fail):
            self._issued = number
            raise GivenUp
        self._match(effect, request)
        self.consumed += 1
        return effect

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        parts = self._recorded.get(number, [])
        if not parts:
            raise self._end(number, request)
        if parts[0].kind == Fail.SCHEMA:
            self._issued = number
            raise GivenUp
        for part, effect in enumerate(parts):
            if effect.part != part:
                raise Divergence(f"part {part} of effect {number} is missing from the record")
            if part == 0:
                self._match(effect, request)
            self.consumed += 1
            yield self._recorded_answer(effect, request), effect
        if not self._closed:
            raise Exhausted

    def _end(self, number: int, request: Request[Any]) -> BaseException:
        if not self._closed:
            return Exhausted()
        return Divergence(
            f"{self.step.name} asks for {request.SCHEMA} as effect {number}: the record has none"
        )

    def _match(self, effect: Effect, request: Request[Any]) -> None:
        if effect.kind != request.SCHEMA:
            raise Divergence(
                f"effect {effect.number} is {request.SCHEMA}, the record has {effect.kind}"
            )
        if effect.request != request_digest(request, self._digest_key):
            raise Divergence(
                f"effect {effect.number} ({request.SCHEMA}) asks for something else than the record"
            )

    def _recorded_answer(self, effect: Effect, request: Request[Any]) -> Record | Exception:
        if effect.error:
            return error_of(effect.error)
        try:
            return self._codec.decode(effect.response, request.RESPONSE)
        except Undecodable as error:
            raise Divergence(
                f"the response of effect {effect.number} ({request.SCHEMA}) is unreadable: {error}"
            ) from None

    async def _repeat(self, effect: Effect, request: Request[Any]) -> Record:
        handler = self._local.get(type(request))
        if handler is None:
            raise Divergence(f"nothing here executes {request.SCHEMA} again")
        try:
            response = await handler(request, self._call)
        except KeyDestroyed as error:
            raise Erased(str(error)) from None
        except (Transient, BeyondMeans) as error:
            raise Unverifiable(
                f"effect {effect.number} ({request.SCHEMA}) can't be executed again here: {error}"
            ) from None
        except Permanent as error:
            raise Divergence(
                f"effect {effect.number} ({request.SCHEMA}) was answered, now: {error_text(error)}"
            ) from None
        if response_digest(response, self._digest_key) != effect.digest:
            raise Divergence(
                f"effect {effect.number} ({request.SCHEMA}) gives another response than recorded"
            )
        return response


def error_of(text: str) -> Exception:
    """Turn the recorded spelling of an error back into what a step may catch."""
    kind, _, message = text.partition(": ")
    match kind:
        case "Transient":
            return Transient(message)
        case "KeyDestroyed":
            return KeyDestroyed(message)
    return Permanent(message)
