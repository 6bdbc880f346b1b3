"""Serve Triton in a container, on all of its addresses: `python -m infra.container`."""

import os
import sys
from pathlib import Path

from infra.local.parts import all_parts
from infra.triton.launch import command

HTTP, GRPC, METRICS = 8000, 8001, 8002  # Triton's own defaults


def main() -> None:
    """Become Triton."""
    part = all_parts()["triton"]
    if not part.present:
        sys.exit("Triton is not fetched yet; run: playhead parts --only triton")
    folder = Path(os.environ.get("PLAYHEAD_RUN", ".playhead")).absolute() / "triton"
    folder.mkdir(parents=True, exist_ok=True)
    argv, environment = command(part.place, folder, HTTP, GRPC, METRICS)
    argv = [word.replace("address=127.0.0.1", "address=0.0.0.0") for word in argv]
    os.chdir(folder)
    os.execve(argv[0], argv, {**os.environ, **environment})  # noqa: S606 - an argv of our own


if __name__ == "__main__":
    main()
