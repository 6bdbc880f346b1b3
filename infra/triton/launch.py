"""Say how to start Triton from an installed part.

Settings come from the environment, because Triton is a process of its own:

    PLAYHEAD_LLM_THREADS      threads of llama.cpp; default cores - 1, at least 1
    PLAYHEAD_LLM_SLOTS        generations at once; default 4
    PLAYHEAD_LLM_CONTEXT      tokens of prompt and answer together, a slot; default 2048
    PLAYHEAD_LLM_CACHE_MIB    memory for old prompts' states; default 512
    PLAYHEAD_CHAT_MODEL       another chat model's file (GGUF); PLAYHEAD_GGUF is its older name
    PLAYHEAD_EMBEDDER_FOLDER  another embedder: model.onnx and tokenizer.json, 384 dimensions
    PLAYHEAD_EMBED_THREADS    passages embedded at once; default cores - 1, at least 1

Why it is so: with as many threads as busy cores, llama.cpp's spin barrier collapses (0.5 to 8
tokens/s instead of 50 and more were measured on 2 cores), so both models leave a core to the rest.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from infra.parts.system import libpython_folder
from infra.triton.install import CHAT, EMBEDDER, site_packages

MODELS = Path(__file__).with_name("models")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Triton puts it, not ours to choose
SHARED_MEMORY_BYTES = 64 << 20  # with the default 1 MiB the stub was seen to crash under load
EXIT_TIMEOUT_S = 5
# links in the folder that it runs in
REPOSITORY, BACKENDS, LIBRARIES, DATA = "models", "backends", "libraries", "models-data"


def shared_memory_prefix(folder: Path) -> str:
    """Name the shared memory of the Triton that runs in a folder, so that it can be found again."""
    return f"playhead_{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]}_"


def sweep(folder: Path, shared_memory: Path = SHARED_MEMORY) -> int:
    """Free the shared memory that a killed Triton of this folder left; returns the number.

    Call it only while that Triton is down.
    """
    left = list(shared_memory.glob(shared_memory_prefix(folder) + "*"))
    for region in left:
        region.unlink(missing_ok=True)
    return len(left)


def command(
    part: Path,
    folder: Path,
    http: int,
    grpc: int,
    metrics: int,
    *,
    environment: Mapping[str, str] = os.environ,
    cores: int | None = None,
) -> tuple[list[str], dict[str, str]]:
    """Return the command line that serves on 127.0.0.1, and what to add to the environment.

    It must run in `folder`, which gets links to all that it reads: Triton puts paths into a line
    for a shell, unquoted, a semicolon would divide the path of the libraries, and in the stub's
    Python a name with an `ü` is no text. So all are plain relative names.

    Ready when GET /v2/health/ready on the HTTP port answers 200 (3 to 8 s). On SIGTERM it waits for
    its models, so kill its process group when EXIT_TIMEOUT_S has passed. Frees what a killed
    predecessor left in shared memory.
    """
    sweep(folder)
    _link(part, folder)
    shared_memory = {
        "shm-default-byte-size": SHARED_MEMORY_BYTES,
        "shm-region-prefix-name": shared_memory_prefix(folder),
    }
    argv = [
        str(site_packages(part) / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
        f"--model-repository={REPOSITORY}",
        f"--backend-directory={BACKENDS}",
        *(f"--backend-config=python,{key}={value}" for key, value in shared_memory.items()),
        *(f"--{protocol}-address=127.0.0.1" for protocol in ("http", "grpc", "metrics")),
        f"--http-port={http}",
        f"--grpc-port={grpc}",
        f"--metrics-port={metrics}",
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
    ]
    return argv, _settings(part, environment, cores or len(os.sched_getaffinity(0)))


def _link(part: Path, folder: Path) -> None:
    """Put links to all that Triton reads into the folder that it runs in."""
    links = {
        REPOSITORY: MODELS,
        BACKENDS: part / "backends",
        LIBRARIES: site_packages(part) / "nvidia_pytriton.libs",
        DATA: part / "models-data",
    }
    for name, target in links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target.absolute())


def _settings(part: Path, environment: Mapping[str, str], cores: int) -> dict[str, str]:
    """Return what models and stubs need from the environment, and what the user set of it."""
    spare = str(max(1, cores - 1))
    defaults = {
        "PLAYHEAD_EMBEDDER_FOLDER": f"{DATA}/{EMBEDDER}",
        "PLAYHEAD_GGUF": f"{DATA}/{CHAT}/model.gguf",
        "PLAYHEAD_LLM_THREADS": spare,
        "PLAYHEAD_LLM_SLOTS": "4",
        "PLAYHEAD_LLM_CONTEXT": "2048",
        "PLAYHEAD_LLM_CACHE_MIB": "512",
        "PLAYHEAD_EMBED_THREADS": spare,
    }
    libraries = [LIBRARIES, str(libpython_folder())]
    given = dict(environment)
    if chosen := environment.get("PLAYHEAD_CHAT_MODEL"):
        given["PLAYHEAD_GGUF"] = chosen
    return {
        **{name: given.get(name) or default for name, default in defaults.items()},
        # not to be chosen: the heads of `moderator` were trained on this one's vectors
        "PLAYHEAD_MODERATOR_EMBEDDER": f"{DATA}/{EMBEDDER}",
        "LD_LIBRARY_PATH": _prepend(libraries, environment.get("LD_LIBRARY_PATH")),
        "PYTHONPATH": str(site_packages(part)),
        # the stub asks the first python3 on PATH where the standard library is
        "PATH": _prepend([str(part / "venv" / "bin")], environment.get("PATH")),
        "VIRTUAL_ENV": str(part / "venv"),
    }


def _prepend(folders: list[str], rest: str | None) -> str:
    return ":".join([*folders, rest] if rest else folders)
