"""What the machine brings along, and whether it is good enough.

A good Java or Go of the machine is preferred to fetching one: it is there already, and its owner
keeps it up to date. Good is what was tried: Java 17 to 21, and Go from what Weaviate's go.mod asks
for. All else is as if it were not there, and is never run by its bare name: the next one on PATH
might be another.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from infra.stack_error import StackError

JAVA_TRIED = range(17, 22)  # 17 and 21 run Kafka 4.1 and the registry; newer ones were not tried
ANSWER_S = 20.0  # for a version, on a loaded machine
NO_OTHER_GO = {"GOTOOLCHAIN": "local", "GOROOT": ""}  # neither fetches a newer one nor mixes two


@dataclass(frozen=True)
class Tool:
    """What a machine must bring along: why, and what installs it on Debian."""

    name: str
    purpose: str
    install: str
    present: Callable[[], bool]


@dataclass(frozen=True)
class Java:
    """A Java runtime of the machine."""

    home: Path
    version: str


def java(environment: Mapping[str, str] | None = None) -> Java | None:
    """Find a Java of the machine that is good: JAVA_HOME first, then PATH."""
    for program in _programs(environment, "java", "JAVA_HOME"):
        said = _ask(program, "-XshowSettings:properties", "-version")
        home = re.search(r"^\s*java\.home = (.+)$", said, re.MULTILINE)
        version = re.search(r"^\s*java\.version = (\d+)(\S*)$", said, re.MULTILINE)
        if not home or not version or int(version[1]) not in JAVA_TRIED:
            continue
        if (Path(home[1]) / "bin" / "java").exists():
            return Java(Path(home[1]), version[1] + version[2])
    return None


def go(minimum: tuple[int, int], environment: Mapping[str, str] | None = None) -> str | None:
    """Find a Go of the machine that is at least `minimum`: GOROOT first, then PATH."""
    for program in _programs(environment, "go", "GOROOT"):
        version = re.search(r"\bgo(\d+)\.(\d+)", _ask(program, "version"))
        if version and (int(version[1]), int(version[2])) >= minimum:
            return program
    return None


def _programs(
    environment: Mapping[str, str] | None, name: str, home_variable: str
) -> Iterator[str]:
    known = os.environ if environment is None else environment
    if home := known.get(home_variable):
        yield str(Path(home) / "bin" / name)
    if program := shutil.which(name, path=known.get("PATH", os.defpath)):
        yield str(Path(program).absolute())


@cache  # a Java takes a tenth of a second to say who it is
def _ask(program: str, *words: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - a program that the user put on PATH, or named
            [program, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **NO_OTHER_GO},
            text=True,
            errors="replace",
            check=False,
            timeout=ANSWER_S,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def interpreter() -> Path:
    """Find the python3.11 that this process runs on, outside any virtual environment."""
    if sys.version_info[:2] != (3, 11):
        message = f"Triton's stub is built for Python 3.11, this is {sys.version.split()[0]}"
        raise StackError(f"{message}; run playhead with python3.11")
    return Path(sys.base_prefix) / "bin" / "python3.11"


def libpython_folder() -> Path:
    """Find the folder of libpython3.11.so.1.0, which Triton's stub is linked against."""
    names = ("LIBDIR", "LIBPL")
    folders = [Path(value) for name in names if (value := sysconfig.get_config_var(name))]
    if multiarch := sysconfig.get_config_var("MULTIARCH"):
        folders += [folder / multiarch for folder in folders]
    folders.append(Path(sys.base_prefix) / "lib")
    for folder in folders:
        if (folder / "libpython3.11.so.1.0").exists():
            return folder
    message = f"{interpreter()} has no shared libpython3.11.so.1.0, which Triton needs; "
    raise StackError(message + "on Debian: apt-get install libpython3.11")


def _has_libpython() -> bool:
    try:
        libpython_folder()
    except StackError:
        return False
    return True


def _has_venv() -> bool:
    stdlib = sysconfig.get_path("stdlib")
    return bool(stdlib) and (Path(stdlib) / "ensurepip" / "__init__.py").exists()


VENV = Tool(
    "python3.11 -m venv",
    "installs packages from PyPI",
    "apt-get install python3.11-venv",
    _has_venv,
)


def has_library(name: str) -> bool:
    """Whether the machine's loader finds a shared library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


LIBPYTHON = Tool(
    "libpython3.11.so.1.0",
    "Triton's Python backend is linked against it",
    "apt-get install libpython3.11",
    _has_libpython,
)
LIBGOMP = Tool(
    "libgomp.so.1",
    "llama.cpp is linked against it",
    "apt-get install libgomp1",
    partial(has_library, "libgomp.so.1"),
)
