"""Recognise the text of pictures by Tesseract, a program that may be installed or not.

It runs beside this process with the limits of this one, ends with it, is given the picture and
gives the text over pipes, and writes no file. What it takes counts as work on the document.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property

from connectors.processes.program import TooMuch
from connectors.readers.guards import UnreadableDocument

LANGUAGES_MAX = 5  # at once: each takes its time over every picture
TEXT_BYTES_MAX = 4 * 2**20  # of a picture: a page of a newspaper has 50,000
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h
_NO_LANGUAGES = ("osd", "equ", "snum")  # what stands among them, and is none


@dataclass
class Recognition:
    """Tesseract, as it is installed here."""

    advice: str = "to have pictures read, install Tesseract where the workers run"

    @cached_property
    def _program(self) -> str:
        return shutil.which("tesseract") or ""

    @property
    def is_installed(self) -> bool:
        """Whether pictures can be read here."""
        return bool(self._program and self._languages)

    @property
    def version(self) -> str:
        """Name the program and its languages, or that there is none: it decides what is read."""
        if not self.is_installed:
            return "without tesseract"
        return f"{self._name} ({'+'.join(self._languages)})"

    @cached_property
    def _name(self) -> str:
        told = _run([self._program, "--version"], b"").decode("ascii", "replace").split()
        return " ".join(told[:2])

    @cached_property
    def _languages(self) -> list[str]:
        if not self._program:
            return []
        told = _run([self._program, "--list-langs"], b"").decode("ascii", "replace").split("\n")
        known = sorted(set(map(str.strip, told[1:])) - {"", *_NO_LANGUAGES})
        return sorted(known, key=lambda one: one != "eng")[:LANGUAGES_MAX]

    def read(self, picture: bytes) -> str:
        """Return the text of a picture; empty where there is none.

        Raises TooMuch where the work on the document is more than may be, and UnreadableDocument
        where the program can't read the picture.
        """
        told = _run([self._program, "-", "-", "-l", "+".join(self._languages)], picture)
        if _work_s() > resource.getrlimit(resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY:
            raise TooMuch("CPU time")
        return told[:TEXT_BYTES_MAX].decode("utf-8", "replace")


class _Programs:
    """What the programs had taken that ran before the document that is being read."""

    before_s = 0.0


def begin_document() -> None:
    """Count the work of programs from here on: earlier work was on other documents."""
    _Programs.before_s = _programs_s()


def _work_s() -> float:
    """Return the CPU time that counts: this process's, and that of this document's programs."""
    return time.process_time() + _programs_s() - _Programs.before_s


def _programs_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _run(arguments: list[str], given: bytes) -> bytes:
    """Run the program to its end; raises TooMuch or UnreadableDocument."""
    done = subprocess.run(  # noqa: S603 - an argv of our own
        arguments,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        preexec_fn=_end_with_parent,
    )
    if done.returncode == -signal.SIGXCPU:
        raise TooMuch("CPU time")
    if done.returncode:
        raise UnreadableDocument(
            "tesseract can't read a picture of this document: save it as PNG, or submit its text"
        )
    return done.stdout


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
