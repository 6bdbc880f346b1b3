"""Packages from PyPI, installed by pip with their hashes, into folders that nothing else imports.

Why it is so: pip comes with Python and follows the machine's own settings (an index of the company,
certificates, proxies), which uv does not read. Nothing is kept in pip's cache: a part is kept.
"""

import shutil
from pathlib import Path

from infra.parts.part import Workshop
from infra.parts.system import interpreter

ATTEMPTS = 3  # a fetch that fails is tried again: registries hiccup


def make_environment(work: Workshop, folder: Path) -> str:
    """Make an empty virtual environment; returns its Python.

    Its files name their folder: after a rename run `bin/python -m …`, never a script in `bin`.
    """
    work.shell.run([str(interpreter()), "-m", "venv", str(folder)], work.say, folder=work.target)
    return str(folder / "bin" / "python")


def install(work: Workshop, requirements: Path, python: str, target: Path | None = None) -> None:
    """Install exactly what a file names, each with its hash, with no dependency besides.

    Goes into the environment of `python`, or into the folder `target`.
    """
    flags = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    flags += ["--retries", str(ATTEMPTS), "--no-compile", "--only-binary=:all:"]
    flags += [] if target is None else ["--target", str(target)]
    rules = ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
    work.shell.run(
        [python, "-m", "pip", "install", *flags, *rules],
        work.say,
        {"PIP_REQUIRE_VIRTUALENV": "0", "PYTHONPATH": ""},
        work.target,
    )


def install_folder(work: Workshop, requirements: Path, target: Path) -> None:
    """Install packages into a folder, with an environment that is thrown away."""
    environment = work.target / ".pip"
    install(work, requirements, make_environment(work, environment), target)
    shutil.rmtree(environment)
