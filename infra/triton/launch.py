"""Say how to start Triton from an installed part.

Settings come from the environment, because Triton is a process of its own:

    PLAYHEAD_LLM_THREADS      threads of llama.cpp; default cores - 1, at least 1
    PLAYHEAD_LLM_SLOTS        generations at once; default 4
    PLAYHEAD_LLM_CONTEXT      tokens of prompt and answer together, a slot; default 2048
    PLAYHEAD_LLM_CACHE_MIB    memory for old prompts' states; default 512
    PLAYHEAD_GGUF             another chat model's file
    PLAYHEAD_EMBEDDER_FOLDER  another embedder: model.onnx and tokenizer.json, 384 dimensions
    PLAYHEAD_EMBED_THREADS    passages embedded at once; default cores - 1, at least 1

Why it is so: with as many threads as busy cores, llama.cpp's spin barrier collapses (0.5 to 8
tokens/s instead of 50 and more were measured on 2 cores), so both models leave a core to the rest.
"""

import hashlib
import os
from pathlib import Path

from infra.triton.install import CHAT, EMBEDDER, libpython_folder, site_packages

MODELS = Path(__file__).with_name("models")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Triton puts it, not ours to choose
SHARED_MEMORY_BYTES = 64 << 20  # with the default 1 MiB the stub was seen to crash under load
EXIT_TIMEOUT_S = 5


def shared_memory_prefix(run: Path) -> str:
    """Name the shared memory of the Triton of one run folder, so that it can be found again."""
    return f"playhead_{hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:12]}_"


def sweep(run: Path) -> int:
    """Free the shared memory that a killed Triton of this run folder left; returns the number.

    Call it only while that Triton is down.
    """
    left = list(SHARED_MEMORY.glob(shared_memory_prefix(run) + "*"))
    for region in left:
        region.unlink(missing_ok=True)
    return len(left)


def command(
    part: Path, run: Path, http: int, grpc: int, metrics: int
) -> tuple[list[str], dict[str, str]]:
    """Return the command line that serves on 127.0.0.1, and what to add to the environment.

    Ready when GET /v2/health/ready on the HTTP port answers 200 (3 to 8 s). On SIGTERM it waits for
    its models, so kill its process group when EXIT_TIMEOUT_S has passed. Frees what a killed
    predecessor left in shared memory.
    """
    sweep(run)
    packages = site_packages(part)
    data = part / "models-data"
    shared_memory = {
        "shm-default-byte-size": SHARED_MEMORY_BYTES,
        "shm-region-prefix-name": shared_memory_prefix(run),
    }
    argv = [
        str(packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
        f"--model-repository={MODELS}",
        f"--backend-directory={part / 'backends'}",
        *(f"--backend-config=python,{key}={value}" for key, value in shared_memory.items()),
        *(f"--{protocol}-address=127.0.0.1" for protocol in ("http", "grpc", "metrics")),
        f"--http-port={http}",
        f"--grpc-port={grpc}",
        f"--metrics-port={metrics}",
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
    ]
    spare = str(max(1, len(os.sched_getaffinity(0)) - 1))
    settings = {
        "PLAYHEAD_EMBEDDER_FOLDER": str(data / EMBEDDER),
        "PLAYHEAD_GGUF": str(data / CHAT / "model.gguf"),
        "PLAYHEAD_LLM_THREADS": spare,
        "PLAYHEAD_LLM_SLOTS": "4",
        "PLAYHEAD_LLM_CONTEXT": "2048",
        "PLAYHEAD_LLM_CACHE_MIB": "512",
        "PLAYHEAD_EMBED_THREADS": spare,
    }
    libraries = [str(packages / "nvidia_pytriton.libs"), str(libpython_folder())]
    environment = {
        **{name: os.environ.get(name, default) for name, default in settings.items()},
        "LD_LIBRARY_PATH": _prepend(libraries, "LD_LIBRARY_PATH"),
        "PYTHONPATH": str(packages),
        # the stub asks the first python3 on PATH where the standard library is
        "PATH": _prepend([str(part / "venv" / "bin")], "PATH"),
        "VIRTUAL_ENV": str(part / "venv"),
    }
    return argv, environment


def _prepend(folders: list[str], name: str) -> str:
    rest = os.environ.get(name)
    return ":".join([*folders, rest] if rest else folders)
