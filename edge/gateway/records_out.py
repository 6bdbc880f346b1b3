"""Records on their way out: built on a thread, handed to the broker, and its word waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from agents.errors import KeyDestroyed, Permanent, Transient
from edge.load.admission import Admission
from edge.problems import Problem, overloaded
from edge.requests.policy_followed import NotProcessedHere
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes
from edge.requests.validity import Refused, TooLarge
from schemas import Event
from streams.log.writing import Position

Built = TypeVar("Built", bound=Event)


class RecordsOut:
    """Puts records on the log; lives on one event loop."""

    def __init__(self, admission: Admission, publisher: Publishes) -> None:
        self._admission = admission
        self._publisher = publisher

    async def put(
        self, build: Callable[[], Built], hand_over: Callable[[], None] = lambda: None
    ) -> tuple[Built, Future[Position]]:
        """Build a record and hand it over to the broker, in one go on a thread; raises Problem.

        What nobody waits for any more once it is built is not handed over.
        """
        is_wanted = True

        def put() -> tuple[Built, Future[Position]]:
            event = build()
            if not is_wanted:
                raise Transient("nobody waits for it any more")
            hand_over()
            return event, self._handed_over(event)

        with as_problems():
            try:
                return await asyncio.to_thread(put)
            except asyncio.CancelledError:
                is_wanted = False
                raise

    def _handed_over(self, event: Event) -> Future[Position]:
        try:
            return self._publisher.send(event)
        except (Transient, Permanent) as error:  # what word of it would say, it says at once
            refusal: Future[Position] = Future()
            refusal.set_exception(error)
            return refusal

    async def position(self, word: Future[Position], limit_s: float = WORD_TIMEOUT_S) -> Position:
        """Wait for word from the broker; raises Problem."""
        try:
            async with asyncio.timeout(min(limit_s, WORD_TIMEOUT_S)):
                return await asyncio.wrap_future(word)
        except (Transient, TimeoutError) as error:
            raise self._admission.not_published(str(error)) from None
        except Permanent as error:  # the limits of its parts leave room; this is for whatever else
            raise Problem(413, "too-large", str(error)) from None


@contextmanager
def as_problems() -> Iterator[None]:
    """Say what keeps a request from being built as a Problem."""
    try:
        yield
    except TooLarge as error:
        raise Problem(413, "too-large", str(error)) from None
    except NotProcessedHere as error:
        raise Problem(403, "residency", str(error)) from None
    except Refused as error:
        raise Problem(422, "invalid", str(error)) from None
    except KeyDestroyed:
        raise Problem(
            410, "erased", "the key of this person or document was destroyed: it was erased"
        ) from None
    except Transient as error:
        raise overloaded(str(error)) from None
