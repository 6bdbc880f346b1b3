"""The command lines of the two components that run on Java: Kafka and the registry.

Both run in their own folder of the run folder, beside links to their part, and are handed nothing
but relative names: a comma would end Kafka's `log.dirs`, a semicolon H2's address and a colon the
archive's name, a properties file is read as Latin-1, and Java takes an archive of loaded classes
only for the very class path that it was made with, by name. The locale is UTF-8, whatever the
user's is: in another one Java can't name the working directory where that has an `ü`, and uses a
folder beside it.

They start from that archive (`classes.jsa`), which the recipe makes when it tries a part out: ready
in 1.3 s instead of 6.6 s (registry) and 3.7 s instead of 4.7 s (Kafka), with a quarter and half of
the CPU. An archive that does not fit is ignored.
"""

import string
from pathlib import Path

from infra.local.ports import HOST

KAFKA_FOLDER = Path(__file__).parents[1] / "kafka"
REGISTRY_VERSION = "2.6.13.Final"
REGISTRY_PATH = "/apis/ccompat/v7"  # where the registry speaks the Confluent API
REGISTRY_DATABASE = "registry"  # H2 adds .mv.db
REGISTRY_UNFINISHED = "unfinished"  # a file: the database has not been whole yet
REGISTRY_JAR = f"apicurio-registry-app-{REGISTRY_VERSION}-runner.jar"
ARCHIVE = "classes.jsa"
USE_ARCHIVE = f"-XX:SharedArchiveFile={ARCHIVE}"
MAKE_ARCHIVE = f"-XX:ArchiveClassesAtExit={ARCHIVE}"
LEAN = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""One compiler, and a collector without threads of its own: on a machine that all parts share, the
others cost more than they save."""
ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
PROPERTIES = "server.properties"
LOGGING = "log4j2.properties"
DATA = "data"


def lay_out(folder: Path, part: Path) -> None:
    """Make a component's folder, with a link to each thing of its part."""
    folder.mkdir(parents=True, exist_ok=True)
    for content in part.iterdir():
        link = folder / content.name
        if link.is_symlink():  # of the part that was in use the last time
            link.unlink()
        link.symlink_to(content)


def kafka_files(folder: Path, port: int, controller_port: int) -> None:
    """Write the broker's configuration, and make the folder of its data."""
    template = string.Template((KAFKA_FOLDER / PROPERTIES).read_text(encoding="ascii"))
    filled = template.substitute(port=port, controller_port=controller_port, data=DATA)
    (folder / PROPERTIES).write_text(filled, encoding="ascii")
    logging = (KAFKA_FOLDER / LOGGING).read_bytes()
    (folder / LOGGING).write_bytes(logging)
    (folder / DATA).mkdir(exist_ok=True)


def kafka_format(home: Path, cluster: str, archive: str = USE_ARCHIVE) -> list[str]:
    """Return what makes an empty data folder a broker's."""
    # in one word: one in 64 ids begins with a dash, and would be taken for an option
    words = ["format", f"--cluster-id={cluster}", "--config", PROPERTIES]
    return [*_kafka(home), archive, *LEAN, "kafka.tools.StorageTool", *words]


def kafka(home: Path, archive: str = USE_ARCHIVE) -> list[str]:
    """Return the broker's command line."""
    # the second compiler took as much as it saved for the first thousands of chats, see 0070
    lean = [*LEAN, "-Xms256m", "-Xmx512m"]
    return [*_kafka(home), archive, *lean, "kafka.Kafka", PROPERTIES]


def _kafka(home: Path) -> list[str]:
    return [_program(home), f"-Dlog4j2.configurationFile={LOGGING}", "-cp", "libs/*"]


def begin_registry(folder: Path) -> None:
    """Throw a database away whose making was broken off, and note that a new one is begun.

    The registry makes its tables at its first start, one by one; with some of them it never starts
    again. Call `registry_is_whole` when it has answered; nothing is written to it before.
    """
    mark = folder / REGISTRY_UNFINISHED
    if mark.exists():
        for part in folder.glob(f"{REGISTRY_DATABASE}.*.db"):
            part.unlink()
    elif not (folder / f"{REGISTRY_DATABASE}.mv.db").exists():
        mark.touch()


def registry_is_whole(folder: Path) -> None:
    """Note that the registry has answered: its database is kept from now on."""
    (folder / REGISTRY_UNFINISHED).unlink(missing_ok=True)


def registry(home: Path, port: int, archive: str = USE_ARCHIVE) -> list[str]:
    """Return the registry's command line; its database is `registry.mv.db` where it runs."""
    settings = {
        "quarkus.http.host": HOST,
        "quarkus.http.port": port,
        "quarkus.datasource.jdbc.url": f"jdbc:h2:file:./{REGISTRY_DATABASE}",
        # otherwise three lines a schema at every start
        'quarkus.log.category."io.apicurio.common.apps.logging.audit".level': "WARN",
    }
    flags = [f"-D{name}={value}" for name, value in settings.items()]
    return [_program(home), archive, *LEAN, "-Xmx256m", *flags, "-jar", REGISTRY_JAR]


def _program(home: Path) -> str:
    """Name Java by path: the one on PATH may be another."""
    return str(home / "bin" / "java")
