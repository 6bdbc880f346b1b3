"""The codec as machine code, where one was built: the same modules, compiled by mypyc.

`python -m schemas.compiled` builds it, and set-up does where there is a C compiler. It lies in the
environment, under a name taken of every file that it was made of and of the interpreter: so what
was built of other text is never used, and whoever changes a definition runs Python until the next
build. Nothing else tells the two apart: bytes and errors are the same, which tests hold.

Why it is so: docs/decisions/0055.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, MutableSequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from types import ModuleType

PYTHON = Path(__file__).parents[1]
"""Where the modules lie as Python."""
COMPILED = ("binary", "canonical", "wire")
READ_FOR_TYPES = ("record", "records")  # what is compiled depends on the types of their fields
GROUP = "playhead_codec"
LIBRARY = f"{GROUP}__mypyc"
"""The module that holds the code of all; the others are its names."""
SUFFIX = EXTENSION_SUFFIXES[0]
BUILT_BY = "built_by"
FORM = 1  # rises with how it is built
VARIABLE = "PLAYHEAD_CODEC"
CHOICES = ("", "python", "compiled")
_loading = Lock()


class NotCompiled(ImportError):
    """The compiled codec was asked for and can't be loaded; the message says what to do."""


class _InUse:
    """What this process encodes with."""

    words = ""


def use(
    path: MutableSequence[str],
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> None:
    """Have a package find the compiled modules first, where there are any.

    `path` is the package's `__path__`, `folder` holds a build. `PLAYHEAD_CODEC=python`
    leaves them alone, `compiled` raises NotCompiled where there are none; ValueError for any other
    word.
    """
    choice = environment.get(VARIABLE, "")
    if choice not in CHOICES:
        raise ValueError(f"{VARIABLE} is {choice!r}: python, compiled, or not set")
    if choice == "python":
        _InUse.words = f"Python, as {VARIABLE} says"
        return
    folder = folder or place()
    try:
        _load(folder / f"{LIBRARY}{SUFFIX}")
    except ImportError as error:
        if choice == "compiled":
            raise NotCompiled(f"{error}: run python -m schemas.compiled") from None
        _InUse.words = f"Python: {error}"
        return
    path.insert(0, str(folder / "schemas"))
    _InUse.words = f"compiled by {(folder / BUILT_BY).read_text().strip()}"


def in_use() -> str:
    """Say what this process encodes with, and why where that is Python."""
    return _InUse.words


def python_form(name: str) -> ModuleType | None:
    """Return a compiled module as Python, by its full name; None for one that is Python."""
    module = sys.modules.get(name)
    if module is None or not str(module.__file__).endswith(SUFFIX):
        return None
    return as_python()[name]


def as_python() -> Mapping[str, ModuleType]:
    """Return the modules as Python, by their full names, beside those in use."""
    with _loading:
        return _as_python()


@cache
def _as_python() -> Mapping[str, ModuleType]:
    names = {f"schemas.{name}": PYTHON / f"{name}.py" for name in COMPILED}
    in_use = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    try:
        for name, file in names.items():
            # known by its name at once: those that follow import it
            sys.modules[name] = _executed(spec_from_file_location(name, file))
        return {name: sys.modules[name] for name in names}
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(in_use)


def place() -> Path:
    """Return the folder of what is built of the files as they are now."""
    return folders() / name_of(PYTHON)


def folders() -> Path:
    """Return the folder of all that was built for this environment."""
    return Path(sys.prefix) / "lib" / "playhead-codec"


def name_of(sources: Path) -> str:
    """Name what is built of a folder's modules: by what they hold, and who can load it."""
    digest = hashlib.sha256(f"{FORM} {SUFFIX}".encode())
    for name in sorted({*COMPILED, *READ_FOR_TYPES}):
        data = (sources / f"{name}.py").read_bytes()
        digest.update(b"%d " % len(data) + data)
    return digest.hexdigest()[:20]


def _load(library: Path) -> None:
    """Load what holds the code: its names ask for it as a module of no package."""
    if not library.exists():
        raise ImportError("none was built of these definitions")
    if LIBRARY in sys.modules and sys.modules[LIBRARY].__file__ == str(library):
        return
    loader = ExtensionFileLoader(LIBRARY, str(library))
    sys.modules[LIBRARY] = _executed(spec_from_file_location(LIBRARY, library, loader=loader))


def _executed(spec: ModuleSpec | None) -> ModuleType:
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
