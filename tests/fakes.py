"""Fakes for unit tests of steps: effects that answer from a table of functions, and events to begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents.errors import Permanent, Transient
from schemas import (
    Begin,
    Begun,
    Effect,
    Event,
    Fail,
    Failed,
    Instant,
    Meta,
    Now,
    Request,
    StepVersion,
    StreamRequest,
)
from schemas.registry import FixedIds
from streams.log.codec import Codec
from streams.log.subjects import subjects
from streams.running.digests import request_digest, response_digest, version_of
from streams.running.live import error_text
from streams.running.run import Input, Run
from streams.topics import step as step_named
from streams.topics import topic_of

DIGEST_KEY = b"a digest key of thirty-two bytes"
NOW_US = 1_700_000_000_000_000


def a_codec() -> Codec:
    """A codec whose schema ids need no registry."""
    return Codec(FixedIds.numbered(dict.fromkeys(subjects().values())))


def a_meta(tenant: str = "acme", session: str = "s-1", request: str = "r-1", **fields: Any) -> Meta:
    """The meta of a request at the edge."""
    values: dict[str, Any] = {
        "id": f"id-of-{request}",
        "tenant": tenant,
        "lane": 0,
        "request": request,
        "session": session,
        "at": NOW_US,
        "step": StepVersion(name="gateway", code="test", configuration=""),
    }
    return Meta(**{**values, **fields})


class FakeEffects(Run):
    """Answers each request by the function given for its type; remembers what was asked.

    A function may raise Transient or Permanent. For a streamed request it returns the parts; an error among them ends
    the stream. A request without a function is refused, as a world without its connector refuses it.
    """

    def __init__(
        self,
        step: str,
        event: Event,
        answers: Mapping[type[Request[Any]], Callable[[Any], Any]],
        configuration: dict[str, Any] | None = None,
        attempt: int = 1,
    ) -> None:
        topic = topic_of(event)
        given = Input(event=event, topic=topic, partition=event.meta.lane, offset=0)
        self.outcomes: list[Any] = []
        super().__init__(step_named(step), given, self.outcomes.append)
        self.asked: list[Any] = []
        self._answers = answers
        self._values = configuration or {}
        self._attempt = attempt
        self._codec = a_codec()
        self.configuration_digest = "c"
        self.policy_digest, self.policy_values, self.region = "", dict[str, Any](), ""
        self.code, self.runtime, self.trace = "test", "", ""
        self.is_cancelled = False
        self.failure: Failed | None = None

    def _configuration(self, digest: str) -> dict[str, Any]:
        return self.policy_values if digest == self.policy_digest != "" else self._values

    def _answer(self, request: Any) -> Any:
        if isinstance(request, Begin):
            return Begun(
                at=NOW_US,
                attempt=self._attempt,
                code=self.code,
                configuration=self.configuration_digest,
                trace=self.trace,
                runtime=self.runtime,
                policy=self.policy_digest,
                region=self.region,
                cancelled=self.is_cancelled,
            )
        if isinstance(request, Fail):
            return self.failure
        if isinstance(request, Now) and Now not in self._answers:
            return Instant(at=NOW_US)
        self.asked.append(request)
        if type(request) not in self._answers:
            raise Permanent(f"no connector answers {request.SCHEMA}: see connectors/who_answers.py")
        return self._answers[type(request)](request)

    def _ask_at_once(self, number: int, request: Request[Any]) -> None:
        return None

    async def _ask(self, number: int, request: Request[Any]) -> Any:
        try:
            response = self._answer(request)
        except (Transient, Permanent) as error:
            response = error
        return response, self._effect(number, 0, request, response)

    async def _ask_stream(self, number: int, request: StreamRequest[Any]) -> Any:
        try:
            parts = self._answer(request)
        except (Transient, Permanent) as error:
            parts = [error]
        for part, response in enumerate(parts):
            yield response, self._effect(number, part, request, response)
            if isinstance(response, Exception):
                return

    def _effect(self, number: int, part: int, request: Any, response: Any) -> Effect:
        failed, local = isinstance(response, Exception), request.EFFECT == "local"
        return Effect(
            number=number,
            part=part,
            kind=request.SCHEMA,
            request=request_digest(request, DIGEST_KEY) if part == 0 else b"",
            response=None if failed or local else self._codec.encode(response),
            digest=response_digest(response, DIGEST_KEY) if local and not failed else b"",
            model=getattr(response, "model", "") or "",
            started=NOW_US + number,
            took_us=part,
            cost_micros=getattr(response, "cost_micros", 0),
            error=error_text(response) if failed else "",
            version=version_of(response) if local and not failed else "",
        )


async def outcomes(
    step: str,
    event: Event,
    answers: Mapping[type[Request[Any]], Callable[[Any], Any]],
    configuration: dict[str, Any] | None = None,
) -> list[Any]:
    """Run a step over an event and return its stamped outcomes."""
    fx = FakeEffects(step, event, answers, configuration)
    await fx.execute()
    return fx.outcomes
