"""Parts: what the components are made of, fetched once a version and kept in the user's cache.

    <cache>/playhead/parts/<name>-<version>-<digest of the recipe>/

A part is built in a folder beside its place, tried, and only then renamed into it, under a file
lock: a part that exists is whole, and two processes never fetch the same one. What an interrupted
fetch left is thrown away by the next.

Why it is so: none of these come as a package that one manager installs. Each registry checks what
it hands out (Maven's checksums, Go's sum database, pip's hashes); the one archive that is unpacked
here has its SHA-256 below as well.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from infra.local import health, java, ports
from infra.local.errors import StackError
from infra.triton import install as triton

KAFKA_VERSION = "4.1.1"
REGISTRY_VERSION = java.REGISTRY_VERSION
REGISTRY_SHA256 = "3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba"
WEAVIATE_VERSION = "1.35.2"
TRITON_VERSION = "2.51.0"

KAFKA_POM = java.KAFKA_FOLDER / "pom.xml"
MAVEN = ("mvn", "--batch-mode", "--no-transfer-progress", "--strict-checksums")
MAVEN_DEPENDENCY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
JAVA_MIN = 17
LAST_LINES = 15  # of a tool's output, shown when it fails
TRY_OUT_S = 120.0  # for a new part's first start
TRY_OUT_EVERY_S = 0.2


Say = Callable[[str], None]


class Interrupted(Exception):
    """The fetch was told to stop."""


@dataclass(frozen=True)
class Tool:
    """A program that a machine must bring along: why, and what installs it on Debian."""

    name: str
    purpose: str
    install: str
    found: Callable[[], bool]


def _java() -> bool:
    if not shutil.which("java"):
        return False
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S607 - the java on PATH is the one that will run
    _, _, rest = said.partition('version "')
    major = rest.split(".")[0].split('"')[0]
    return major.isdigit() and int(major) >= JAVA_MIN


def _libpython() -> bool:
    try:
        triton.libpython_folder()
    except triton.InstallError:
        return False
    return True


JAVA = Tool(
    "java 17", "runs Kafka and the registry", "apt-get install openjdk-17-jre-headless", _java
)
MVN = Tool(
    "mvn",
    "fetches jars from Maven Central",
    "apt-get install maven",
    lambda: bool(shutil.which("mvn")),
)
GO = Tool(
    "go",
    "builds Weaviate; 1.21 or newer",
    "see https://go.dev/doc/install (Debian 12's own is too old)",
    lambda: bool(shutil.which("go")),
)
VENV = Tool(
    "python3.11 -m venv",
    "makes Triton's environment",
    "apt-get install python3.11-venv",
    lambda: (
        bool(sysconfig.get_path("stdlib"))
        and (Path(sysconfig.get_path("stdlib")) / "ensurepip" / "__init__.py").exists()
    ),
)
LIBPYTHON = Tool(
    "libpython3.11.so.1.0",
    "Triton's Python backend is linked against it",
    "apt-get install libpython3.11",
    _libpython,
)


class Shell:
    """Runs a recipe's tools, each in a process group of its own, so that all can be stopped."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def run(
        self,
        argv: Sequence[str],
        say: Say,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Run a tool, hand each line of its output to `say`; StackError where it fails."""
        process = self._start(argv, environment or {}, folder)
        last = self._listen(process, say)
        if process.returncode:
            raise _failure(argv[0], f"failed with exit status {process.returncode}", last)

    def try_out(self, argv: Sequence[str], ready: Callable[[], bool], say: Say, at: Path) -> None:
        """Run a server until it is ready, then end it; StackError where it never is."""
        process = self._start(argv, {}, at)
        over, reached = threading.Event(), threading.Event()

        def end_when_ready() -> None:
            deadline = time.monotonic() + TRY_OUT_S
            while not over.wait(TRY_OUT_EVERY_S) and time.monotonic() < deadline:
                if ready():
                    reached.set()
                    break
            process.terminate()

        watcher = threading.Thread(target=end_when_ready, daemon=True)
        watcher.start()
        last = self._listen(process, say)
        over.set()
        watcher.join()
        if not reached.is_set():
            raise _failure(argv[0], "did not become ready", last)

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self.stopped.is_set():
                raise Interrupted
            process = subprocess.Popen(  # noqa: S603 - an argv of our own
                list(argv),
                cwd=folder,
                env={**os.environ, **_maven_home(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _listen(self, process: subprocess.Popen[str], say: Say) -> deque[str]:
        last: deque[str] = deque(maxlen=LAST_LINES)
        try:
            assert process.stdout
            for line in process.stdout:
                if text := line.strip():
                    last.append(text)
                    say(text)
            process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        if self.stopped.is_set():
            raise Interrupted
        return last

    def stop(self) -> None:
        """Kill what runs, and refuse to run more."""
        with self._lock:
            self.stopped.set()
            running = list(self._running)
        for process in running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _failure(program: str, how: str, last: Iterable[str]) -> StackError:
    said = "\n".join(f"    {line}" for line in last)
    return StackError(f"{program} {how}:\n{said}")


@contextmanager
def _scratch() -> Iterator[tuple[Path, int, int]]:
    """Lend a folder and two free ports to try a server out."""
    free = list(ports.free_block().values())
    with tempfile.TemporaryDirectory(prefix="playhead-") as folder:
        yield Path(folder), free[0], free[1]


def _maven_home() -> dict[str, str]:
    """Make Maven, which knows only the password file's home, keep its jars under HOME."""
    home = os.environ.get("HOME", "")
    if not home or Path(home) == Path(pwd.getpwuid(os.getuid()).pw_dir):
        return {}
    options = os.environ.get("MAVEN_OPTS", "")
    return {"MAVEN_OPTS": f"{options} -Dmaven.repo.local={home}/.m2/repository".strip()}


@dataclass(frozen=True)
class Part:
    """How to make one part: `build` fills an empty folder and raises where it can't."""

    name: str
    version: str
    recipe: str  # a digest of what it is made from; equal recipes make equal parts
    tools: tuple[Tool, ...]
    build: Callable[[Path, Shell, Say], None] = field(repr=False)
    typical_s: int  # on 2 cores with a fast network, for the estimate on the terminal

    @property
    def place(self) -> Path:
        """The part's folder, whether it exists or not."""
        return parts_folder() / f"{self.name}-{self.version}-{self.recipe}"

    @property
    def present(self) -> bool:
        """Whether it was fetched."""
        return self.place.is_dir()


def parts_folder() -> Path:
    """Return where parts are kept: under XDG_CACHE_HOME, or ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "playhead" / "parts"


def _digest(*ingredients: bytes | str) -> str:
    recipe = hashlib.sha256()
    for ingredient in ingredients:
        recipe.update(ingredient.encode() if isinstance(ingredient, str) else ingredient)
        recipe.update(b"\0")
    return recipe.hexdigest()[:12]


def _build_kafka(target: Path, shell: Shell, say: Say) -> None:
    goal = f"{MAVEN_DEPENDENCY}:copy-dependencies"
    libs = target / "libs"
    flags = (f"--file={KAFKA_POM}", f"-DoutputDirectory={libs}", "-DincludeScope=runtime")
    shell.run([*MAVEN, *flags, goal], say)
    say("trying it")
    with _scratch() as (scratch, port, other_port):
        properties = scratch / "server.properties"
        java.kafka_properties(properties, port, other_port, scratch / "data")
        shell.run(java.kafka_format(properties, "A" * 22), say, folder=target)
        argv = java.kafka(properties, java.MAKE_ARCHIVE)
        shell.try_out(argv, lambda: health.kafka_ok(f"{ports.HOST}:{port}"), say, target)


def _build_registry(target: Path, shell: Shell, say: Say) -> None:
    artifact = f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}:tar.gz:all"
    flags = (f"-Dartifact={artifact}", f"-DoutputDirectory={target}", "-Dmdep.useBaseVersion=true")
    shell.run([*MAVEN, *flags, f"{MAVEN_DEPENDENCY}:copy"], say, folder=target)
    [archive] = target.glob("*.tar.gz")
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != REGISTRY_SHA256:
        message = f"{archive.name} has SHA-256 {found}, not {REGISTRY_SHA256}; "
        raise StackError(message + "empty Maven's local repository of it and try again")
    say("unpacking")
    with tarfile.open(archive) as content:
        content.extractall(target, filter="data")
    archive.unlink()
    say("trying it")
    with _scratch() as (scratch, port, _):
        argv = java.registry(port, scratch / "registry", java.MAKE_ARCHIVE)
        subjects = f"{java.REGISTRY_PATH}/subjects"
        shell.try_out(argv, lambda: health.http_ok(f"{ports.HOST}:{port}", subjects), say, target)


def _build_weaviate(target: Path, shell: Shell, say: Say) -> None:
    flags = f"{os.environ.get('GOFLAGS', '')} -p=2 -trimpath".strip()
    # -v: the compiler names each package, which is the only sign of progress that it gives
    package = f"github.com/weaviate/weaviate/cmd/weaviate-server@v{WEAVIATE_VERSION}"
    settings = {"CGO_ENABLED": "0", "GOFLAGS": flags, "GOBIN": str(target), "GOWORK": "off"}
    shell.run(["go", "install", "-v", package], say, settings, target)
    say("trying it")
    shell.run([str(target / "weaviate-server"), "--help"], lambda _: None)


def _build_triton(target: Path, shell: Shell, say: Say) -> None:
    # in a process of its own, so that Ctrl-C stops the pip and Maven that it runs
    program = (
        "import sys, pathlib\n"
        "from infra.triton import install\n"
        "try:\n"
        "    install.install(pathlib.Path(sys.argv[1]), lambda line: print(line, flush=True))\n"
        "except install.InstallError as error:\n"
        "    sys.exit(str(error))\n"
    )
    root = Path(__file__).parents[2]
    shell.run([sys.executable, "-c", program, str(target)], say, folder=root)


def all_parts() -> dict[str, Part]:
    """Return every part by name."""
    maven = (JAVA, MVN)
    kafka = _digest(KAFKA_POM.read_bytes(), java.ARCHIVE)
    registry = _digest(REGISTRY_SHA256, java.ARCHIVE)
    weaviate = _digest("CGO_ENABLED=0 -trimpath")
    parts = (
        Part("kafka", KAFKA_VERSION, kafka, maven, _build_kafka, 40),
        Part("registry", REGISTRY_VERSION, registry, maven, _build_registry, 30),
        Part("weaviate", WEAVIATE_VERSION, weaviate, (GO,), _build_weaviate, 330),
        Part(
            "triton",
            TRITON_VERSION,
            triton.recipe_digest() if _libpython() else "unknown",
            (JAVA, MVN, VENV, LIBPYTHON),
            _build_triton,
            90,
        ),
    )
    return {part.name: part for part in parts}


def refuse_missing_tools(parts: Sequence[Part]) -> None:
    """Raise an error that names every tool which this machine lacks for these parts."""
    wanted = [tool for part in parts if not part.present for tool in part.tools]
    if any(part.name in {"kafka", "registry"} for part in parts):
        wanted.append(JAVA)
    missing = [tool for tool in dict.fromkeys(wanted) if not tool.found()]
    if missing:
        lines = [f"  {tool.name} ({tool.purpose}): {tool.install}" for tool in missing]
        raise StackError("this machine lacks:\n" + "\n".join(lines) + "\nthen run the same again")


class Progress(Protocol):
    """What is told of a fetch."""

    def begun(self, part: Part) -> None:
        """Note that a part's fetch began."""

    def line(self, part: Part, text: str) -> None:
        """Note what a tool said."""

    def done(self, part: Part, seconds: float) -> None:
        """Note that a part is in place."""


def fetch(parts: Sequence[Part], progress: Progress) -> dict[str, Path]:
    """Fetch what is not there yet, all side by side, and return each part's folder.

    On an error or Ctrl-C the other fetches stop too, and nothing half done stays.
    """
    refuse_missing_tools(parts)
    absent = [part for part in parts if not part.present]
    if absent:
        parts_folder().mkdir(parents=True, exist_ok=True)
        shell = Shell()
        with ThreadPoolExecutor(len(absent)) as threads:
            fetches = [threads.submit(_fetch, part, shell, progress) for part in absent]
            try:
                wait(fetches, return_when=FIRST_EXCEPTION)
            finally:
                if not all(one.done() and not one.exception() for one in fetches):
                    shell.stop()
        errors = [error for one in fetches if (error := one.exception())]
        errors.sort(key=lambda error: isinstance(error, Interrupted))
        if errors:
            raise errors[0]
    return {part.name: part.place for part in parts}


def _fetch(part: Part, shell: Shell, progress: Progress) -> None:
    progress.begun(part)
    began = time.monotonic()
    with _locked(part, shell, progress):
        if not part.present:
            for left in parts_folder().glob(f".{part.place.name}.*.partial"):
                shutil.rmtree(left, ignore_errors=True)
            partial = parts_folder() / f".{part.place.name}.{os.getpid()}.partial"
            partial.mkdir()
            try:
                part.build(partial, shell, lambda text: progress.line(part, text))
                partial.rename(part.place)
            except StackError as error:
                raise StackError(f"fetching {part.name} {part.version}: {error}") from error
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    progress.done(part, time.monotonic() - began)


@contextmanager
def _locked(part: Part, shell: Shell, progress: Progress) -> Iterator[None]:
    """Hold the part's lock; the kernel frees it when the process ends, however it ends."""
    with (parts_folder() / f".{part.place.name}.lock").open("w") as lock:
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress.line(part, "another process is fetching it; waiting")
                    told = True
                if shell.stopped.wait(0.5):
                    raise Interrupted from None
        yield
