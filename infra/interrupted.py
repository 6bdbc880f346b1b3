"""Ctrl-C before there is anything to interrupt: a line, as later, and no stack trace.

To be imported before whatever takes long: most of what is interrupted early is imports.
"""

from __future__ import annotations

import sys
from types import TracebackType

TOLD = "\nplayhead: interrupted\n"


def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of what nobody caught; the process ends as by the signal, which is 130 in a shell."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(TOLD)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = told
