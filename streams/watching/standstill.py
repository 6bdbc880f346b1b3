"""The standstill watch: ends a process whose event loop turns no more, though nothing runs.

What waits in the loop's own thread holds up everything, the answer to SIGTERM too, and nothing that
runs on the loop can tell. Such a wait needs no fault in our code: where memory is short, a thread
that can't even begin leaves `Thread.start` waiting for it for ever (CPython issue 140746), and
what asks for a thread is often the loop. Meanwhile the clients' own threads answer the group, so
that nobody else gets the lanes.

A thread, made at the start, looks once a second whether the loop has taken the turn that it was
asked to at the look before. A look counts against the loop only where its thread is seen asleep:

    TOLD_LOOKS in a row     it is told, with the place where the loop's thread waits
    ENDED_LOOKS in a row    the process ends, to be started again

Who computes, or waits for a CPU or a disk, is not asleep. Looks count, not seconds: a machine that
is slow, or a process that was stopped, has this thread look as seldom as it has the loop turn.

Words go to stderr without the logs' own lock, which the loop's thread may hold, and need no memory
but what is there already; where stderr takes nothing, they are left out.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

TOLD_LOOKS = 5
ENDED_LOOKS = 30
LOOK_S = 1.0
STACK_MAX = 12  # frames that are told, innermost first
STAT_BYTES = 128  # more than name and state take
CODE = 1

STANDS = "the event loop stands still: its thread waits for something that does not come"
ENDS = "the event loop stands still: the process ends, to be started again"


class Standstill:
    """Watches the event loop of the thread that it is held in."""

    def __init__(
        self,
        told_looks: int = TOLD_LOOKS,
        ended_looks: int = ENDED_LOOKS,
        look_s: float = LOOK_S,
        end: Callable[[int], NoReturn] = os._exit,
    ) -> None:
        self._told_looks = told_looks
        self._ended_looks = ended_looks
        self._look_s = look_s
        self._end = end
        self._released = False
        self._turned = True
        """Whether the loop has taken the turn that it was asked to."""
        self._looks = 0
        """Looks in a row at which it had not, and its thread was asleep."""
        self._words = {event: _line(event, "?") for event in (STANDS, ENDS)}
        """What is said where there is no memory for more."""

    def hold(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch until the loop is closed; call it in the thread that runs it."""
        self._loop = loop
        self._of = threading.get_ident()
        try:
            state = os.open(f"/proc/self/task/{threading.get_native_id()}/stat", os.O_RDONLY)
        except OSError:  # no Linux: nothing says what a thread does, and nobody is ended unseen
            return
        self._state = state
        self._stderr = select.poll()
        self._stderr.register(2, select.POLLOUT)
        threading.Thread(target=self._keep_looking, name="standstill", daemon=True).start()

    def release(self) -> None:
        """Watch no longer; before the loop is left to itself without being closed."""
        self._released = True

    def _keep_looking(self) -> None:
        while not self._released:
            time.sleep(self._look_s)
            try:
                self._look()
            except MemoryError:  # then the loop can't be asked either, by anybody
                self._looks += 1
            if self._looks >= self._ended_looks and not self._released:
                self._say(ENDS)
                self._end(CODE)

    def _look(self) -> None:
        """Look once; the loop is asked for its next turn when it has taken the last."""
        if self._turned:
            self._ask()
            self._looks = 0
        elif self._asleep():
            self._looks += 1
            if self._looks == self._told_looks:
                self._say(STANDS)
        else:
            self._looks = 0

    def _ask(self) -> None:
        self._turned = False  # first, for the loop may be faster than this thread
        try:
            self._loop.call_soon_threadsafe(self._turn)
        except MemoryError:
            self._turned = True
            raise
        except RuntimeError:  # it is closed
            self._released = True

    def _turn(self) -> None:
        self._turned = True

    def _asleep(self) -> bool:
        """Say whether the loop's thread waits for something else than a CPU or a disk."""
        stat = os.pread(self._state, STAT_BYTES, 0)
        return stat[stat.rindex(b")") + 2 :].startswith(b"S")

    def _say(self, event: str) -> None:
        try:
            line = _line(event, self._place())
        except MemoryError:
            line = self._words[event]
        try:
            if self._stderr.poll(0):
                os.write(2, line)
        except (MemoryError, OSError):
            return

    def _place(self) -> str:
        """Spell where the loop's thread is, innermost first: modules and lines, no values."""
        frame = sys._current_frames().get(self._of)  # noqa: SLF001 - the only way, and documented
        places: list[str] = []
        while frame is not None and len(places) < STACK_MAX:
            module = frame.f_globals.get("__name__", "?")
            places.append(f"{module}:{frame.f_lineno} in {frame.f_code.co_name}")
            frame = frame.f_back
        return "\n".join(places)


def _line(event: str, stack: str) -> bytes:
    fields = {"stack": stack, "event": event, "level": "error", "logger": "playhead.standstill"}
    return f"{json.dumps(fields)}\n".encode()
