"""The command lines of the two components that run on Java: Kafka and the registry.

Both start from an archive of loaded classes (`classes.jsa`) which `parts.py` makes when it tries
a part out: ready in 1.3 s instead of 6.6 s (registry) and 3.7 s instead of 4.7 s (Kafka), with a
quarter and half of the CPU. Java takes the archive only for the very class path that it was made
with, by name; so that the part may be renamed, paths are relative to it and it is the working
directory. An archive that does not fit is ignored.
"""

import string
from pathlib import Path

from infra.local.ports import HOST

KAFKA_FOLDER = Path(__file__).parents[1] / "kafka"
REGISTRY_VERSION = "2.6.13.Final"
REGISTRY_PATH = "/apis/ccompat/v7"  # where the registry speaks the Confluent API
REGISTRY_JAR = f"apicurio-registry-app-{REGISTRY_VERSION}-runner.jar"
ARCHIVE = "classes.jsa"
USE_ARCHIVE = f"-XX:SharedArchiveFile={ARCHIVE}"
MAKE_ARCHIVE = f"-XX:ArchiveClassesAtExit={ARCHIVE}"


def kafka_properties(path: Path, port: int, controller_port: int, data: Path) -> None:
    """Write the broker's configuration."""
    template = string.Template((KAFKA_FOLDER / "server.properties").read_text())
    path.write_text(template.substitute(port=port, controller_port=controller_port, data=data))


def kafka_format(properties: Path, cluster: str) -> list[str]:
    """Return what makes an empty data folder a broker's."""
    # in one word: one in 64 ids begins with a dash, and would be taken for an option
    words = ["format", f"--cluster-id={cluster}", "--config", str(properties)]
    return [*_kafka(), USE_ARCHIVE, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", *words]


def kafka(properties: Path, archive: str = USE_ARCHIVE) -> list[str]:
    """Return the broker's command line."""
    return [*_kafka(), archive, "-Xms256m", "-Xmx512m", "kafka.Kafka", str(properties)]


def _kafka() -> list[str]:
    logging = f"-Dlog4j2.configurationFile={KAFKA_FOLDER / 'log4j2.properties'}"
    return ["java", logging, "-cp", "libs/*"]


def registry(port: int, data: Path, archive: str = USE_ARCHIVE) -> list[str]:
    """Return the registry's command line; `data` is its database, without H2's suffix."""
    settings = {
        "quarkus.http.host": HOST,
        "quarkus.http.port": port,
        "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{data}",
        # otherwise three lines a schema at every start
        'quarkus.log.category."io.apicurio.common.apps.logging.audit".level': "WARN",
    }
    flags = [f"-D{name}={value}" for name, value in settings.items()]
    # asked a few times a process, so that a second compiler and collector threads are a waste
    lean = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return ["java", archive, *lean, *flags, "-jar", REGISTRY_JAR]
