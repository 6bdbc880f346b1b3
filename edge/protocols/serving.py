"""Serving: a gateway on the real components, from start to drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from types import FrameType

import uvicorn
import uvloop

from edge.gateway.assembly import on_components
from edge.gateway.gateway import Gateway
from edge.gateway.log_evidence import LogEvidence
from edge.protocols import pacing
from edge.protocols.http.app import create_app
from streams.running.collector import CONNECTIONS, CONNECTIONS_OBJECTS, spare_the_collector
from streams.running.open_files import allow_open_files
from streams.running.threads import begin_threads
from streams.settings import Settings
from streams.watching import logs, metrics, tracing
from streams.watching.loop_watch import NEVER_S, LoopWatch
from streams.watching.standstill import Standstill

DRAIN_S = 8
"""How long open streams may take to end at SIGTERM."""


FILES_BESIDE = 1_024
"""Open files that are no WebSockets: requests, the broker's connections, stores."""


class CantServe(Exception):
    """The gateway can't serve where it was told to; the message says what to do."""


def serve(
    settings: Settings,
    host: str,
    port: int,
    *,
    with_inbox: bool,
    evidence: LogEvidence | None = None,
) -> None:
    """Run the gateway on the real components until it is told to stop; raises CantServe."""
    _watch(settings)
    gateway, inbox = on_components(settings, evidence)
    open_to(gateway.bounds.connections.of_all)
    server = Server(gateway, host, port)
    spare_the_collector(CONNECTIONS, CONNECTIONS_OBJECTS)
    if with_inbox:
        inbox.start()
    # the server raises the signal again once it is done: then there is more to do than to die
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run_until_told()
    finally:
        inbox.stop()
        tracing.flush()
        metrics.flush()


def open_to(clients: int) -> None:
    """Let the process have so many clients; say so where the system lets in fewer."""
    wanted = clients + FILES_BESIDE
    files = allow_open_files(wanted)
    if files < wanted:
        logs.logger("gateway").warning(
            "fewer clients can connect than may", open_files=files, wanted=wanted
        )


def _watch(settings: Settings) -> None:
    """Set up logs, metrics and tracing of this process."""
    logs.configure(settings.log_level)
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.WARNING)  # below, it logs the address of every connection
    uvicorn_log.addFilter(is_a_fault)
    metrics.configure(settings, "playhead-gateway")
    tracing.configure(settings, "playhead-gateway")


def is_a_fault(record: logging.LogRecord) -> bool:
    """Tell whether what the server logs is one: a WebSocket refused with a problem is none.

    Nor is a connection that was cut because its reader took longer than DRAIN_S.
    """
    was_cut = record.exc_info is not None and record.exc_info[0] is asyncio.CancelledError
    return not was_cut and "completing handshake" not in str(record.msg)


class Server(uvicorn.Server):
    """Tells streams to end as soon as a signal comes, not once connections are cut."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(gateway),
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_S,
                **pacing.of_server(),
            )
        )
        self._gateway = gateway

    def run_until_told(self) -> None:
        """Serve until a signal comes; raises CantServe."""
        with (
            contextlib.suppress(KeyboardInterrupt, SystemExit),  # uvicorn's own, for a busy port
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(self._serve_watched())
        if not self.started:
            raise CantServe(
                f"can't serve on {self.config.host}:{self.config.port}: free the port or choose "
                "another with --port"
            )

    async def _serve_watched(self) -> None:
        loop = asyncio.get_running_loop()
        Standstill().hold(loop)
        begin_threads(loop)
        watch = LoopWatch(ended_s=NEVER_S)
        watch.hold(loop)
        try:
            await self.serve()
        finally:
            watch.release()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal."""
        self._gateway.stopping = True
        super().handle_exit(sig, frame)
