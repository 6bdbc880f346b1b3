"""A Triton of the bench's own that serves the stub alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.child import MeasurementFailed
from infra.local import health, ports
from infra.local.parts import all_parts
from infra.triton import launch

MODELS = Path(__file__).parents[1] / "models"
STUB = "stub"
READY_S = 120.0  # on a loaded machine
POLL_S = 0.1


class NotServing(MeasurementFailed):
    """Triton did not come up; the message says where its log is."""


@contextmanager
def stub_server(run: Path) -> Iterator[str]:
    """Serve the stub while the context lasts; yields the gRPC address."""
    folder = run / "stub"
    folder.mkdir(exist_ok=True)
    chosen = ports.free_block()
    argv, environment = launch.command(
        all_parts()["triton"].place,
        folder,
        chosen["triton"],
        chosen["triton_grpc"],
        chosen["triton_metrics"],
    )
    argv += [
        f"--model-repository={MODELS}",  # beside the platform's own, of which nothing is loaded
        "--model-control-mode=explicit",
        f"--load-model={STUB}",
    ]
    ready = f"{ports.HOST}:{chosen['triton']}"
    try:
        with serving(argv, {**os.environ, **environment}, folder, ready):
            yield f"{ports.HOST}:{chosen['triton_grpc']}"
    finally:
        launch.sweep(folder)


@contextmanager
def serving(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    address: str,
    ready_s: float = READY_S,
) -> Iterator[None]:
    """Run a server, ready while the context lasts; it and what it started are gone afterwards.

    Raises NotServing where it ends, or is not ready within `ready_s`.
    """
    log = folder / "triton.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - an argv of our own
            argv,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + ready_s
        while not health.http_ok(address, "/v2/health/ready"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotServing(f"Triton with the stub is not ready; see {log}")
            time.sleep(POLL_S)
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(launch.EXIT_TIMEOUT_S + 1)
        with suppress(ProcessLookupError):  # its models outlive it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
