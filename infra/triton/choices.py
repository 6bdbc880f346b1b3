"""Refuses what a user chose for Triton where it can't work, before anything starts.

Triton itself would say so deep in its log, after the whole stack has waited for it.
"""

from collections.abc import Mapping
from pathlib import Path

from infra.stack_error import StackError
from infra.triton.install import EMBEDDER_FILES

GGUF, EMBEDDER = "PLAYHEAD_GGUF", "PLAYHEAD_EMBEDDER_FOLDER"
MAGIC = b"GGUF"
NUMBERS = {
    "PLAYHEAD_LLM_THREADS": (1, 1_024),
    "PLAYHEAD_LLM_SLOTS": (1, 256),
    "PLAYHEAD_LLM_CONTEXT": (256, 1_048_576),  # less than a prompt with one passage is no use
    "PLAYHEAD_LLM_CACHE_MIB": (0, 1_048_576),
    "PLAYHEAD_EMBED_THREADS": (1, 1_024),
}
"""Least and most of each number."""


def refuse(environment: Mapping[str, str]) -> None:
    """Raise StackError for a model, an embedder or a number that Triton could not work with."""
    gguf, folder = environment.get(GGUF), environment.get(EMBEDDER)
    if gguf and (wrong := _wrong_gguf(Path(gguf))):
        raise StackError(
            f"{GGUF}={gguf}: {wrong}; set it to a GGUF file of a chat model, or unset it to use "
            "the model that comes with Playhead"
        )
    if folder and (wrong := _wrong_embedder(Path(folder))):
        raise StackError(
            f"{EMBEDDER}={folder}: {wrong}; set it to a folder with "
            f"{' and '.join(EMBEDDER_FILES.values())}, or unset it to use the embedder that comes "
            "with Playhead"
        )
    for name, (least, most) in NUMBERS.items():
        text = environment.get(name)
        if text and not (text.isdecimal() and least <= int(text) <= most):
            raise StackError(
                f"{name}={text!r}: it must be a whole number from {least:,} to {most:,}; "
                "unset it to use the default"
            )


def _wrong_gguf(path: Path) -> str:
    """Say what is wrong with a chat model's file; empty where nothing is."""
    if path.is_dir():
        inside = sorted(path.glob("*.gguf"))
        hint = f", which holds {inside[0].name}" if inside else ""
        return f"it is a folder{hint}"
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        return "there is no such file"
    except OSError as error:
        return f"it can't be read ({error.strerror})"
    return "" if head == MAGIC else "it is not a GGUF file (or was not downloaded whole)"


def _wrong_embedder(folder: Path) -> str:
    """Say what is wrong with an embedder's folder; empty where nothing is."""
    if not folder.is_dir():
        return "there is no such folder"
    missing = [name for name in EMBEDDER_FILES.values() if not (folder / name).is_file()]
    return f"it lacks {' and '.join(missing)}" if missing else ""
