"""Refuses what a user chose for Triton where it can't work, before anything starts.

Triton itself would say so deep in its log, after the whole stack has waited for it.
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import psutil

from infra.stack_error import StackError
from infra.triton.install import EMBEDDER_FILES

CHAT_MODELS = ("PLAYHEAD_CHAT_MODEL", "PLAYHEAD_GGUF")
EMBEDDER = "PLAYHEAD_EMBEDDER_FOLDER"
MAGIC = b"GGUF"
HEAD = struct.Struct("<4sIQQ")
"""Magic, version, number of tensors, number of values beside them."""
VERSIONS = range(2, 4)  # that llama.cpp reads; of 1 there were never many
GB = 1_000_000_000
NUMBERS = {
    "PLAYHEAD_LLM_THREADS": (1, 1_024),
    "PLAYHEAD_LLM_SLOTS": (1, 256),
    "PLAYHEAD_LLM_CONTEXT": (256, 1_048_576),  # less than a prompt with one passage is no use
    "PLAYHEAD_LLM_CACHE_MIB": (0, 1_048_576),
    "PLAYHEAD_EMBED_THREADS": (1, 1_024),
}
"""Least and most of each number."""


def refuse(environment: Mapping[str, str], memory: int = 0) -> None:
    """Raise StackError for a model, an embedder or a number that Triton could not work with.

    `memory` is what this machine has, in bytes; 0 to ask it.
    """
    folder = environment.get(EMBEDDER)
    _refuse_chat_model(environment, memory or psutil.virtual_memory().total)
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


def _refuse_chat_model(environment: Mapping[str, str], memory: int) -> None:
    given = {name: environment[name] for name in CHAT_MODELS if environment.get(name)}
    if len(set(given.values())) > 1:
        raise StackError(f"{' and '.join(given)} name two chat models: unset one of them")
    for name, gguf in given.items():
        if wrong := _wrong_gguf(Path(gguf), memory):
            raise StackError(
                f"{name}={gguf}: {wrong}; set it to a GGUF file of a chat model, or unset it to "
                "use the model that comes with Playhead"
            )


def _wrong_gguf(path: Path, memory: int) -> str:
    """Say what is wrong with a chat model's file; empty where nothing is."""
    if path.is_dir():
        inside = sorted(path.glob("*.gguf"))
        hint = f", which holds {inside[0].name}" if inside else ""
        return f"it is a folder{hint}"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD.size)
            size = file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return "there is no such file"
    except OSError as error:
        return f"it can't be read ({error.strerror})"
    if not head.startswith(MAGIC) or len(head) < HEAD.size:
        return "it is not a GGUF file (or was not downloaded whole)"
    _, version, tensors, _ = HEAD.unpack(head)
    if version not in VERSIONS:
        return f"it is GGUF of version {version}, and llama.cpp reads {VERSIONS[0]} and later"
    if not tensors:
        return "it holds no tensors: it is a vocabulary, or the first of a split model's files"
    if size > memory:
        return f"it takes {size / GB:.1f} GB of memory, and this machine has {memory / GB:.1f}"
    return ""


def _wrong_embedder(folder: Path) -> str:
    """Say what is wrong with an embedder's folder; empty where nothing is."""
    if not folder.is_dir():
        return "there is no such folder"
    missing = [name for name in EMBEDDER_FILES.values() if not (folder / name).is_file()]
    return f"it lacks {' and '.join(missing)}" if missing else ""
