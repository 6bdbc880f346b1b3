"""Verify one archive in a process of its own, and say what that took.

`python -m bench.replays.verified_once ARCHIVE RUN chats|handed-on`: one JSON object on stdout.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.answers.verifying import read_rate
from bench.child import ROOT, MeasurementFailed
from bench.replays.handed_on_log import STEPS_HANDING_ON
from bench.synthetic.builder import synthetic_settings
from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.verify import Verifier
from streams.topics import STEPS

WHOSE = {"chats": STEPS, "handed-on": STEPS_HANDING_ON}
"""What wrote the archive -> its steps."""
MODULE = "bench.replays.verified_once"


class VerifyCost(msgspec.Struct):
    """What verifying an archive took."""

    records: int
    cpu_s: float
    seconds: float
    peak_mib: float
    """Of resident memory, the interpreter and all modules included."""
    decoded_per_s: float
    """Records of it that are read and decoded in a second of CPU."""


def verify_once(archive: Path, run: Path, whose: str) -> VerifyCost:
    """Verify an archive in a child; raises MeasurementFailed where a record is not equal."""
    done = subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-m", MODULE, str(archive), str(run), whose],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise MeasurementFailed(f"{archive}: {done.stderr.decode(errors='replace')[-500:]}")
    return msgspec.json.decode(done.stdout, type=VerifyCost)


async def _measure(archive: Path, run: Path, whose: str) -> VerifyCost:
    log, settings = ArchiveLog(archive), synthetic_settings(run)
    local, keyring = local_handlers(settings)
    began, cpu = time.perf_counter(), time.process_time()
    report = await Verifier(log, local, keyring.digest_key, steps=WHOSE[whose]).verify()
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    if report.equal != report.records or report.diverged or not report.records:
        raise SystemExit(f"the archive diverges: {report.as_json()}")
    peak = peak_mib()
    return VerifyCost(report.records, cpu, seconds, peak, read_rate(log, clock=time.process_time))


def peak_mib() -> float:
    """Return the most memory that this process has held, in MiB.

    Not `ru_maxrss`, which a child begins with that of whoever started it.
    """
    return _status_mib("VmHWM")


def resident_mib() -> float:
    """Return the memory that this process holds, in MiB."""
    return _status_mib("VmRSS")


def _status_mib(name: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(kib) / 1024


if __name__ == "__main__":
    measured = asyncio.run(_measure(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
    print(json.dumps(msgspec.to_builtins(measured)))  # noqa: T201 - read by who started it
