"""A second gateway of the running stack, and clients of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import httpx

from infra.local import ports
from tests.conftest import ROOT

PATIENCE_S = 180


class Beside:
    """A second gateway of the stack."""

    def __init__(self, running, told):
        self.port = ports.free_block()["gateway"]
        self.url = f"http://127.0.0.1:{self.port}"
        self._running, self._told, self.process = running, told, None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "gateway", "--port", str(self.port), "--no-inbox"],
            cwd=ROOT,
            env={
                **os.environ,
                "PLAYHEAD_RUN": str(self._running.settings.run),
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.DEVNULL,
            stderr=self._told,
        )
        until(self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, "it ended"
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait(10)


def until(what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)
    return found


def at(url, running, tenant):
    """A client of a gateway."""
    headers = {"Authorization": f"Bearer {running.key(tenant)}"}
    return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_S, trust_env=False)
