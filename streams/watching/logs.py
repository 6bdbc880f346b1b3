"""Logs: JSON lines on stderr with request and trace ids; never a text or a value of a person."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Protocol

import structlog

QUIET = (
    "faust",
    "mode",
    "aiokafka",
    "opentelemetry",
    "asyncio",
    "httpx",
    "httpx2",
    "streams",
    "worker",
)
"""Loggers whose records below WARNING tell an operator nothing.

`streams` and `worker` are what our subclasses of Faust's services are called there; our own are
`playhead.…`.
"""


class Placed(Protocol):
    """Something that has a place on the log."""

    @property
    def place(self) -> str:
        """TOPIC[LANE]@OFFSET."""


class _Running:
    """What a task runs at the moment: changed in place, since a context variable costs more."""

    __slots__ = ("what",)

    def __init__(self) -> None:
        self.what: tuple[str, str, Placed, str] | None = None


_running: ContextVar[_Running | None] = ContextVar("running", default=None)


def begin_task() -> None:
    """Have this task, and those that it starts, tell of what it runs itself."""
    _running.set(_Running())


def enter(step: str, request: str, item: Placed, traceparent: str) -> None:
    """Say what runs in this task from now on: its log lines tell of it."""
    if (running := _running.get()) is not None:
        running.what = (step, request, item, traceparent)


def leave() -> None:
    """Say that it has ended."""
    if (running := _running.get()) is not None:
        running.what = None


def _what_runs(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Spell it only when a line is written: a step runs many thousand times a second."""
    if (running := _running.get()) is not None and running.what is not None:
        step, request, item, traceparent = running.what
        line.setdefault("step", step)
        line.setdefault("request", request)
        line.setdefault("place", item.place)
        line.setdefault("trace", traceparent[3:35])
    return line


def configure(level: str) -> None:
    """Send everything, the libraries' records too, through one JSON renderer."""
    shared: list[structlog.typing.Processor] = [
        _what_runs,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_Places()),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(_without_messages)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.getLogger("mode.timers").setLevel(logging.ERROR)  # late timers: a busy machine, no more


def _without_messages(record: logging.LogRecord) -> bool:
    """Put the class of an exception in the place of an exception: its message may quote a text."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            type(value).__name__ if isinstance(value, BaseException) else value
            for value in record.args
        )
    return True


class _Places:
    """Spells an exception without its message and values: class and places only."""

    def __call__(self, exc_info: structlog.typing.ExcInfo) -> str:
        error = exc_info[1]
        return f"{type(error).__name__}\n{places(error)}"


def places(error: BaseException) -> str:
    """List where an exception came from, innermost last: module, line and function; no values."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        module = frame.f_globals.get("__name__", "?")
        lines.append(f"{module}:{trace.tb_lineno} in {frame.f_code.co_name}")
        trace = trace.tb_next
    return "\n".join(lines)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; its events are short phrases, its fields ids and numbers."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(f"playhead.{name}")
    return bound


def flush() -> None:
    """Write out what is buffered."""
    for handler in logging.getLogger().handlers:
        handler.flush()
