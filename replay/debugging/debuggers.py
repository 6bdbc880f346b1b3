"""What a step can be run under: pdb in this terminal, or an editor that attaches by a port."""

from __future__ import annotations

import os
import pdb
import sys
from importlib.util import find_spec
from inspect import currentframe, unwrap
from types import CodeType, FrameType
from typing import Any, Protocol

import click

LOCALHOST = "127.0.0.1"
"""Who attaches can run any code: never on an address that others reach."""


class DebuggerLeft(BaseException):
    """Whoever debugs has left: the run is not to go on, and no step is to catch that."""


class Debugger(Protocol):
    """Stops a run, and lets somebody look around."""

    def enter(self, code: CodeType) -> None:
        """Stop where a step's function begins, which is run next."""

    def stop(self, frame: FrameType) -> None:
        """Stop here, where `frame` is what somebody wants to see."""

    def leave(self) -> None:
        """Let what follows run by itself."""


class Pdb(pdb.Pdb):
    """Python's own debugger; leaving it ends the run."""

    def enter(self, code: CodeType) -> None:
        """Stop at the first line of a function when it is run next."""
        self.reset()
        refused = self.set_break(
            code.co_filename, code.co_firstlineno, temporary=True, funcname=code.co_name
        )
        assert not refused, refused
        self.botframe = currentframe()  # so that it runs on until there
        self.set_continue()
        sys.settrace(self.trace_dispatch)

    def stop(self, frame: FrameType) -> None:
        """Ask for commands here and now: the next line of the frame may never be run."""
        self.leave()  # what pdb itself calls is not to be stopped in
        self.reset()
        self.interaction(frame, None)

    def leave(self) -> None:
        """Let what follows run by itself."""
        sys.settrace(None)

    def do_quit(self, arg: str) -> bool | None:
        """Leave, and end the run."""
        del arg
        self.leave()
        raise DebuggerLeft

    do_q = do_exit = do_quit

    def do_EOF(self, arg: str) -> bool | None:  # noqa: N802 - pdb's name for it
        """Leave at the end of what is typed."""
        self.message("")
        return self.do_quit(arg)


class AttachedEditor:
    """An editor that speaks the Debug Adapter Protocol, by way of debugpy."""

    def __init__(self, port: int) -> None:
        """Wait until one is attached; raises UsageError where debugpy is not installed."""
        if find_spec("debugpy") is None:
            raise click.UsageError(
                "--listen needs debugpy, which is not installed here: `pip install debugpy`, or "
                "leave --listen out and use pdb in this terminal"
            )
        # of modules that are frozen into the interpreter: no step is
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        import debugpy

        self._debugpy: Any = debugpy
        host, port = debugpy.listen((LOCALHOST, port))
        click.echo(f"waiting for a debugger at {host}:{port}", err=True)
        debugpy.wait_for_client()

    def enter(self, _code: CodeType) -> None:
        """Stop before the step begins: its breakpoints can be set now."""
        self._debugpy.breakpoint()

    def stop(self, _frame: FrameType) -> None:
        """Stop here; the editor shows the step's frame among those that called."""
        self._debugpy.breakpoint()

    def leave(self) -> None:
        """Let what follows run by itself: an editor stops nowhere unless it is told to."""


def code_of(function: Any) -> CodeType:
    """Return the code of a step's function, through what wraps it."""
    code: CodeType = unwrap(function).__code__
    return code
