"""Serve Triton in a container, on all of its addresses: `python -m infra.container`."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.parts import all_parts
from infra.parts.part import Part
from infra.stack_error import StackError
from infra.triton.choices import refuse
from infra.triton.launch import command

HTTP, GRPC, METRICS = 8000, 8001, 8002  # Triton's own defaults


def main(
    part: Part,
    environment: Mapping[str, str] = os.environ,
    become: Callable[[str, list[str], Mapping[str, str]], Any] = os.execve,
) -> None:
    """Become Triton."""
    if not part.present:
        sys.exit("Triton is not fetched yet; run: playhead parts --only triton")
    try:
        refuse(environment)
    except StackError as error:
        sys.exit(f"playhead: {error}")
    folder = Path(environment.get("PLAYHEAD_RUN", ".playhead")).absolute() / "triton"
    folder.mkdir(parents=True, exist_ok=True)
    argv, own = command(part.place, folder, HTTP, GRPC, METRICS, environment=environment)
    argv = [word.replace("address=127.0.0.1", "address=0.0.0.0") for word in argv]
    os.chdir(folder)
    become(argv[0], argv, {**environment, **own})


if __name__ == "__main__":
    main(all_parts()["triton"])
