"""The loop watch: says who keeps the event loop, and ends a step's computing that never ends.

Steps compute on the event loop between what they ask for. All of it is bounded or linear in its
input, and tests count that (tests/agents); but should some input find a way around, one record must
not stop every tenant. A timer, which stands still while the process does, looks how much CPU the
loop has used since it last took its turn:

    more than TOLD_S      it is told, with the step, the record's place and the line
    more than ENDED_S     HeldTooLong is raised where the step computes, so that its input becomes a
                          dead letter and the lane goes on

The gateway's loop is told of likewise, and nothing of it is ended.

CPU counts, not time: on a machine that is busy with something else nobody is blamed. What computes
in C without looking for signals is told when it ends, and can't be ended before.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
from types import FrameType
from typing import Any

from opentelemetry import metrics

from agents.errors import HeldTooLong
from streams.watching.logs import logger

log = logger("loop")

TOLD_S = 0.1
ENDED_S = 10.0
LOOK_S = 0.05
NEVER_S = math.inf  # of a process that runs no steps
STEPS = "agents."
"""Where steps' code is; nothing else is ever interrupted."""
OURS = ("streams.", "connectors.", "worker.")
"""What a step may have called that must not be interrupted."""

_held = metrics.get_meter("playhead").create_counter(
    "playhead.loop.held", "{time}", "Times that the event loop was kept for longer than 100 ms"
)


class LoopWatch:
    """Watches the event loop of the main thread."""

    def __init__(
        self, told_s: float = TOLD_S, ended_s: float = ENDED_S, look_s: float = LOOK_S
    ) -> None:
        self._told_s = told_s
        self._ended_s = ended_s
        self._look_s = look_s
        self._turned = True
        """Whether the loop has taken its turn since it was asked to."""
        self._began_s = 0.0
        """CPU of this thread when it was asked."""
        self._told = False
        self._looking = False
        """Whether a look is under way: a timer may go off within it."""
        self._task: asyncio.Task[Any] | None = None
        """What ran when it was looked at last."""
        self._task_began_s = 0.0
        """CPU of this thread when that was first seen, at this and every look since."""

    def hold(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on; call it in the main thread, which runs the loop.

        A timer's signal looks, and no thread: what searches in C holds the interpreter's lock. It
        goes off by the CPU that the process has used: a loop that nobody asks anything is not woken
        twenty times a second.
        """
        signal.signal(signal.SIGPROF, lambda _, frame: self._look(loop, frame))
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, self._look_s, self._look_s)

    def release(self) -> None:
        """Watch no longer; before the loop is closed."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _look(self, loop: asyncio.AbstractEventLoop, frame: FrameType | None) -> None:
        """Look, in the main thread, at how long its turn takes; raise in what never ends."""
        if self._looking:
            return
        self._looking = True
        try:
            self._look_once(loop, frame)
        finally:
            self._looking = False

    def _look_once(self, loop: asyncio.AbstractEventLoop, frame: FrameType | None) -> None:
        now_s = time.thread_time()
        if self._turned:
            self._began_s, self._told, self._turned = now_s, False, False
            self._task = None
            loop.call_soon_threadsafe(self._turn)
            return
        task = asyncio.current_task(loop)
        if task is not self._task:  # many may run in one turn: each has time of its own
            self._task, self._task_began_s = task, now_s
        held_s = now_s - self._began_s
        computed_s = now_s - self._task_began_s
        if computed_s > self._ended_s and (step := _of_a_step(frame)) is not None:
            self._task = None
            log.error("computing is ended, for it does not end itself", line=_place(step))
            raise HeldTooLong(
                f"computed for more than {self._ended_s:g} s of CPU at {_place(step)}"
            )
        if held_s > self._told_s and not self._told:
            self._told = True
            _held.add(1)
            line = _place(_of_a_step(frame) or frame)
            log.warning("the event loop is kept from everybody else", line=line)

    def _turn(self) -> None:
        self._turned = True


def _of_a_step(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of a step's code; None where other code of ours runs."""
    while frame is not None and not _module(frame).startswith(STEPS):
        if _module(frame).startswith(OURS):
            return None
        frame = frame.f_back
    return frame


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


def _place(frame: FrameType | None) -> str:
    return "?" if frame is None else f"{_module(frame)}:{frame.f_lineno}"
