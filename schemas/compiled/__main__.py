"""Build the compiled codec of this environment: `python -m schemas.compiled`.

Does nothing where it is there. Exits 1 where it can't be built, and says why: then the same modules
run as Python. Takes half a minute of CPU time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from schemas.compiled import (
    BUILT_BY,
    COMPILED,
    GROUP,
    PYTHON,
    READ_FOR_TYPES,
    folders,
    name_of,
)

COMPILERS = ("cc", "gcc", "clang")
LAST_LINES = 5  # of what a compiler said
MYPY = "[mypy]\nignore_missing_imports = True\n"
SETUP = f"""
from mypyc.build import mypycify
from setuptools import setup

setup(
    name="{GROUP}",
    packages=[],
    py_modules=[],
    ext_modules=mypycify(
        ["--config-file=mypy.ini", *{[f"schemas/{name}.py" for name in COMPILED]}],
        opt_level="1",  # as fast as 3 by what was measured, in half the time
        debug_level="0",
        group_name="{GROUP}",
    ),
    script_args=["--quiet", "build_ext", "--build-lib=built", "--build-temp=between"],
)
"""
"""The build, in a process of its own: it works in a folder of its own."""


class CannotBuild(Exception):
    """There is no compiler, or it failed; the message says which."""


def build(
    sources: Path = PYTHON,
    into: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Build what is not there yet; return its folder. Raises CannotBuild.

    What was built of other files is removed: processes that run by it keep it until they end.
    """
    into = folders() if into is None else into
    place = into / name_of(sources)
    if place.exists():
        return place
    try:
        built_by = f"mypyc {version('mypy')}"
    except PackageNotFoundError:
        raise CannotBuild("mypy is not installed, whose mypyc compiles it") from None
    names, path = (environment.get("CC", ""), *COMPILERS), environment.get("PATH", "")
    if not any(shutil.which(name, path=path) for name in names):
        raise CannotBuild(f"there is no C compiler ({', '.join(COMPILERS)})")
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=into) as folder:
            built = _built(sources, Path(folder), environment)
            (built / BUILT_BY).write_text(f"{built_by}\n")
            with suppress(FileExistsError):  # another process was faster
                _move(built, place)
    except OSError as error:
        raise CannotBuild(f"{error.filename or into}: {error.strerror}") from None
    for old in into.iterdir():
        if old != place and not old.name.startswith("."):
            shutil.rmtree(old, ignore_errors=True)
    return place


def _built(sources: Path, folder: Path, environment: Mapping[str, str]) -> Path:
    package = folder / "schemas"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in (*COMPILED, *READ_FOR_TYPES):
        shutil.copy(sources / f"{name}.py", package)
    (folder / "mypy.ini").write_text(MYPY)
    (folder / "build.py").write_text(SETUP)
    done = subprocess.run(
        [sys.executable, "build.py"],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = " | ".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        raise CannotBuild(f"the compiler failed: {words or done.returncode}")
    return folder / "built"


def _move(built: Path, place: Path) -> None:
    """Put a folder at its place in one go; raises FileExistsError where another one lies."""
    try:
        built.rename(place)
    except OSError:
        if place.exists():
            raise FileExistsError(place) from None
        raise


def main(
    arguments: Sequence[str] = (),
    into: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Build, and say what was done in one line."""
    if arguments:
        sys.stderr.write("usage: python -m schemas.compiled\n")
        return 2
    try:
        build(PYTHON, into, environment)
    except CannotBuild as error:
        sys.stderr.write(f"the codec runs as Python: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
