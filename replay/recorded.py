"""Effects from the record: the same steps run again, and nothing outside is asked.

Recorded effects are answered with the response that the log keeps. Local ones (unsealing, parsing)
are executed again, since the log keeps only a keyed digest of what they gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient, Unforeseen
from replay.effect_rules import against_effect, against_sealed, answered, described
from replay.other_versions import version_in_0_1_0, versions_differ
from schemas import Effect, Fail, Record, Request, StreamRequest, Unseal
from schemas.canonical import VERSION_FIELDS, canonical
from streams.log.codec import Codec, Undecodable
from streams.running.digests import (
    UnknownForm,
    holds_versions,
    is_digest_of_request,
    is_digest_of_response,
    version_of,
    with_version,
)
from streams.running.live import error_text
from streams.running.run import Emit, Input, Run
from streams.running.world import Call, Handler
from streams.topics import Step
from streams.version import RUNTIME_WITH_POLICY


class Divergence(BaseException):
    """The run did something else than the record says.

    Not an Exception: a step that catches the errors of its effects must not catch this.
    """


class Contradiction(Divergence):
    """The record itself can't be true, whatever versions of libraries the step is run again with.

    It lacks what it needs, or says what no run writes, or what another record denies.
    """


class Exhausted(BaseException):
    """The record ends here: an attempt that was cut off by a crash and superseded."""


class GivenUp(BaseException):
    """The record says that the machinery gave up here: an outcome did not fit a record.

    Such an outcome takes the effects of its run with it: a run of its own, which asked for nothing,
    says so (`streams.delivery.processing`).
    """


class Unverifiable(BaseException):
    """This process can't execute a local effect again: that says nothing of the record."""


class Erased(BaseException):
    """A key that the run needs was destroyed: its subject was erased."""


Heed = Callable[[Request[Any], Record], None]
"""Takes a request and the answer that the log holds."""


_NONE_TOLD: Mapping[str, str] = {}


def heed_nothing(_request: Request[Any], _response: Record) -> None:
    """Heed nothing."""


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
        digest_key: Callable[[], bytes],
        local: Mapping[type[Request[Any]], Handler],
        configuration: Callable[[str], dict[str, Any]],
        heed: Heed = heed_nothing,
        told: Mapping[str, str] = _NONE_TOLD,
        runtime: str = RUNTIME_WITH_POLICY,
    ) -> None:
        """`digest_key` is asked at the first digest that is keyed, and may raise Unverifiable.

        `heed` is told of every answer that a record gives; it may raise Contradiction. `told` are
        the versions of readers of documents that the records name, `runtime` those that run the
        step here.
        """
        super().__init__(step, given, emit)
        self._closed = closed
        self._codec = codec
        self._read_digest_key = digest_key
        self._heed = heed
        self._told = told
        self._runtime = runtime
        self._local = local
        self._read_configuration = configuration
        self._recorded: defaultdict[int, list[Effect]] = defaultdict(list)
        for effect in effects:
            self._recorded[effect.number].append(effect)
        self.consumed = 0
        """Effects answered so far."""

    def other_versions(self) -> str:
        """Say which versions the run was computed with that are others here."""
        return "" if self._begun is None else versions_differ(self._begun, self._runtime)

    @cached_property
    def _call(self) -> Call:
        return Call.over(self.input)

    @cached_property
    def _digest_key(self) -> bytes:
        return self._read_digest_key()

    def _configuration(self, digest: str) -> dict[str, Any]:
        return self._read_configuration(digest)

    def unused(self) -> int:
        """Count the recorded effects that the run did not ask for."""
        return sum(len(parts) for parts in self._recorded.values()) - self.consumed

    def failed(self) -> bool:
        """Say whether the record ends with the step having given up."""
        parts = self._recorded.get(self._issued, [])
        return bool(parts) and parts[0].kind == Fail.SCHEMA

    async def gather(self, *requests: Request[Any]) -> tuple[Any, ...]:
        """Ask several things, one after the other: most of the answers lie there."""
        self._flush(last=False)
        numbered = [(self._next(), request) for request in requests]
        answers = [await self._answered(number, request) for number, request in numbered]
        return self._consume_all(answers)

    async def pause(self) -> None:
        """Go on: nobody waits for a turn."""

    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        """Answer from the record; local effects are executed, which may take a while."""
        if request.EFFECT == "local":
            return None
        effect = self._first_part(number, request)
        return self._recorded_answer(effect, request, effect), effect

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        effect = self._first_part(number, request)
        if effect.error:
            await self._fail_again(effect, request)
            answer: Record | Exception = error_of(effect.error)
        else:
            answer = await self._repeat(effect, request)
        self._check(effect, request, answer, effect)
        return answer, effect

    def _first_part(self, number: int, request: Request[Any]) -> Effect:
        parts = self._recorded.get(number, [])
        if not parts:
            raise self._end(number, request)
        effect = parts[0]
        if effect.kind == Fail.SCHEMA and not isinstance(request, Fail):
            self._issued = number
            raise self._given_up(number, request)
        self._match(effect, request)
        self.consumed += 1
        return effect

    def _given_up(self, number: int, request: Request[Any]) -> BaseException:
        if number == 1:
            return GivenUp()
        return Divergence(
            f"{self.step.name} asks for {request.SCHEMA} as effect {number}, where the record says "
            "that it gave up: nothing before says why"
        )

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        first = self._first_part(number, request)
        for part, effect in enumerate(self._recorded[number]):
            if effect.part != part:
                raise Contradiction(f"part {part} of effect {number} is missing from the record")
            self.consumed += part > 0
            yield self._recorded_answer(effect, request, first), effect
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
        if not effect.request and effect.error:
            self._match_formless(effect, request)
            return
        try:
            same = is_digest_of_request(effect.request, request, self._key_for(request))
        except UnknownForm as error:
            raise _of_a_later_release(effect, error) from None
        if not same:
            raise Divergence(
                f"effect {effect.number} ({request.SCHEMA}) asks for something else than the "
                f"record: now {described(request)}; the record holds {self._held_of(effect)}"
            )

    def _match_formless(self, effect: Effect, request: Request[Any]) -> None:
        """Check that a request which has no digest on the log can have none: nobody was asked."""
        try:
            canonical(request)
        except Exception:  # noqa: BLE001 - whatever a step may put into a request
            return
        raise Divergence(f"effect {effect.number} ({request.SCHEMA}) has a digest of 0 bytes")

    def _key_for(self, request: Request[Any]) -> bytes:
        return self._digest_key if request.PERSONAL else b""

    def _held_of(self, effect: Effect) -> str:
        """Say what the record holds of an effect, as far as it can be read."""
        try:
            response = None if effect.response is None else self._codec.decode_any(effect.response)
        except Undecodable:
            response = None
        return answered(effect, response)

    def _recorded_answer(
        self, effect: Effect, request: Request[Any], first: Effect
    ) -> Record | Exception:
        answer: Record | Exception
        if effect.error:
            answer = error_of(effect.error)
        else:
            try:
                answer = self._codec.decode(effect.response, request.RESPONSE)
            except Undecodable as error:
                raise Contradiction(
                    f"the response of effect {effect.number} ({request.SCHEMA}) is unreadable: "
                    f"{error}"
                ) from None
            self._heed(request, answer)
        self._check(effect, request, answer, first)
        return answer

    def _check(
        self, effect: Effect, request: Request[Any], answer: Record | Exception, first: Effect
    ) -> None:
        if reason := against_effect(effect, request, answer, first):
            raise Contradiction(reason)

    async def _fail_again(self, effect: Effect, request: Request[Any]) -> None:
        """Try again what failed, where trying again shows anything: it must fail again.

        Not what was too busy or too slow then, nor what broke in a way that nobody foresaw.
        """
        handler, kind = self._local.get(type(request)), effect.error.partition(": ")[0]
        if handler is None or kind not in {Permanent.__name__, KeyDestroyed.__name__}:
            return
        name = f"effect {effect.number} ({request.SCHEMA})"
        try:
            await handler(request, self._call)
        except (Transient, BeyondMeans) as error:
            if _same_lack(effect.error, str(error)):
                return
            raise Unverifiable(f"{name} can't be tried again here: {error}") from None
        except Permanent:
            return  # it fails here too, by a key that was destroyed since, say
        except Exception as error:  # noqa: BLE001 - as in `_repeat`
            raise Unverifiable(_broken_here(effect, request, error)) from None
        if request.RESPONSE in VERSION_FIELDS:
            raise Unverifiable(f"{name} succeeds here; the record holds no versions of a failure")
        if isinstance(request, Unseal) and any(value.claim for value in request.values):
            raise Unverifiable(f"{name} failed, and a claim that was missing may be back now")
        raise Divergence(f"{name} succeeds now, the record says: {effect.error}")

    async def _repeat(self, effect: Effect, request: Request[Any]) -> Record:
        handler = self._local.get(type(request))
        if handler is None:
            raise Divergence(f"nothing here executes {request.SCHEMA} again")
        try:
            response = await handler(request, self._call)
        except KeyDestroyed as error:
            if reason := against_sealed(self.input.event, request):
                named = f"effect {effect.number} ({request.SCHEMA})"
                raise Contradiction(f"{named} {reason}") from None
            raise Erased(str(error)) from None
        except (Transient, BeyondMeans) as error:
            raise Unverifiable(
                f"effect {effect.number} ({request.SCHEMA}) can't be executed again here: {error}"
            ) from None
        except Permanent as error:
            kind = Unverifiable if request.RESPONSE in VERSION_FIELDS else Divergence
            raise kind(
                f"effect {effect.number} ({request.SCHEMA}) was answered, now: {error_text(error)}"
            ) from None
        except Exception as error:  # noqa: BLE001 - another version's name, or anything else here
            raise Unverifiable(_broken_here(effect, request, error)) from None
        return self._as_recorded(effect, response)

    def _as_recorded(self, effect: Effect, response: Record) -> Record:
        """Return the response as the versions of then gave it; it must be the same but for them."""
        here, then = version_of(response), effect.version
        if holds_versions(effect.digest):
            then = version_in_0_1_0(response, self._told)
        response = with_version(response, then)
        try:
            same = is_digest_of_response(effect.digest, response, self._digest_key)
        except UnknownForm as error:
            raise _of_a_later_release(effect, error) from None
        if same:
            return response
        what = f"effect {effect.number} ({effect.kind}) gives another response than recorded"
        if then != here:
            raise Unverifiable(f"{what}: it was given by {then or 'no version'}, here by {here}")
        raise Divergence(what)


def _broken_here(effect: Effect, request: Request[Any], error: Exception) -> str:
    """Say that what executes an effect breaks here in a way that nobody foresaw.

    The request is the one on the log, so that says nothing of the record. An error's own words may
    hold a person's.
    """
    then = f"; it was given by {effect.version}" if effect.version else ""
    what = f"effect {effect.number} ({request.SCHEMA}) can't be executed again here"
    return f"{what}: {type(error).__name__}{then}"


def _of_a_later_release(effect: Effect, error: UnknownForm) -> BaseException:
    """Say what a digest is that can't be computed here: a later one's, or nobody's."""
    kind = Unverifiable if error.later else Contradiction
    return kind(f"effect {effect.number} ({effect.kind}) has {error}")


def _same_lack(recorded: str, now: str) -> bool:
    """Say whether an effect failed for lack of a thing that is lacking here, too."""
    return recorded.partition(": ")[2].split()[:3] == now.split()[:3]


def error_of(text: str) -> Exception:
    """Turn the recorded spelling of an error back into what a step may catch."""
    kind, _, message = text.partition(": ")
    raised = {"Transient": Transient, "KeyDestroyed": KeyDestroyed, "Unforeseen": Unforeseen}
    error: Any = raised.get(kind, Permanent)(message)
    error.recorded_kind = kind
    told: Exception = error
    return told


def recorded_kind(error: Exception, otherwise: str | None = None) -> str:
    """Name an error as the record does, of an effect that failed; else its class, or as said."""
    name = type(error).__name__ if otherwise is None else otherwise
    return str(getattr(error, "recorded_kind", name))
