"""Keeps paths that the user gave true for processes that run in other folders."""

from collections.abc import Mapping
from pathlib import Path

from streams.storage_places import is_address

NAMED = (
    "PLAYHEAD_ARCHIVE_CACHE",
    "PLAYHEAD_CHAT_MODEL",
    "PLAYHEAD_CLAIMS",
    "PLAYHEAD_EMBEDDER_FOLDER",
    "PLAYHEAD_GGUF",
    "PLAYHEAD_KAFKA_CA",
    "PLAYHEAD_KAFKA_CERTIFICATE",
    "PLAYHEAD_KAFKA_PASSWORD_FILE",
    "PLAYHEAD_KAFKA_PRIVATE_KEY",
    "PLAYHEAD_KEYRING",
    "PLAYHEAD_MASTER_KEY_FILE",
    "PLAYHEAD_OIDC",
    "PLAYHEAD_PRODUCER_KEY_FILE",
    "PLAYHEAD_PROVIDERS",
    "PLAYHEAD_REGISTRY_CA",
    "PLAYHEAD_REGISTRY_CERTIFICATE",
    "PLAYHEAD_REGISTRY_PASSWORD_FILE",
    "PLAYHEAD_REGISTRY_PRIVATE_KEY",
    "PLAYHEAD_RUN",
    "PLAYHEAD_SEAL",
    "PLAYHEAD_SEAL_KEY",
    "PLAYHEAD_SOURCES_CODE",
    "PLAYHEAD_TOKENIZER",
    "PLAYHEAD_TOOLS",
    "PLAYHEAD_TRITON_CA",
    "PLAYHEAD_TRITON_CERTIFICATE",
    "PLAYHEAD_TRITON_PRIVATE_KEY",
    "PLAYHEAD_UPLOADS",
    "PLAYHEAD_WEAVIATE_CA",
    "PLAYHEAD_WEAVIATE_KEY_FILE",
    "PLAYHEAD_WITNESS_POLICY",
    "XDG_CACHE_HOME",
)
"""Variables that hold a path. The stack's processes run in the run folder, Triton below it."""


def made_absolute(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that are set, their paths as seen from this folder.

    An address such as s3://bucket/prefix stays as it is, and so does one that nobody takes: whoever
    refuses it tells what was written.
    """
    given = {name: environment[name] for name in NAMED if environment.get(name)}
    return {
        name: path if is_address(path) else str(Path(path).expanduser().absolute())
        for name, path in given.items()
    }
