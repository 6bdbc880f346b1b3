"""Names in the environment: how they are spelt, and those that others read than Settings."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "PLAYHEAD_"


def variable(name: str) -> str:
    """Spell a field of Settings, or a name of VARIABLES, as its environment variable."""
    return f"{PREFIX}{name.upper()}"


@dataclass(frozen=True)
class Variable:
    """A `PLAYHEAD_*` name that is read elsewhere than through Settings."""

    name: str
    """Without the prefix."""
    meaning: str
    secret: bool = False


PORTS = (
    "gateway",
    "kafka",
    "kafka_controller",
    "registry",
    "weaviate",
    "weaviate_grpc",
    "weaviate_gossip",
    "weaviate_data",
    "weaviate_raft",
    "weaviate_raft_rpc",
    "triton",
    "triton_grpc",
    "triton_metrics",
    "worker_metrics",
)
"""Ports of the local stack, in the order of their block (infra/local/ports.py).

Metrics of workers come last: the ports of further workers follow.
"""

VARIABLES = (
    Variable("KEY", "API key of `playhead chat` and `ingest`; else one of the local stack", True),
    Variable("MASTER_KEY", "The master key itself, in place of its file", True),
    Variable("WEAVIATE_KEY", "Weaviate's API key, for infra/compose.yaml", True),
    Variable("FREE_PORTS", "1: `playhead up` takes any ports that are free"),
    *(Variable(f"PORT_{name.upper()}", f"Port of {name} in `playhead up`") for name in PORTS),
    Variable("GGUF", "The file alone, by the older name of PLAYHEAD_CHAT_MODEL (Triton)"),
    Variable("LLM_THREADS", "Threads of the chat model; cores - 1, at least 1 (Triton)"),
    Variable("LLM_SLOTS", "Generations at once; 4 (Triton)"),
    Variable("LLM_CONTEXT", "Tokens of prompt and answer together, a slot; 2048 (Triton)"),
    Variable("LLM_CACHE_MIB", "Memory for old prompts' states, in MiB; 512 (Triton)"),
    Variable(
        "EMBEDDER_FOLDER",
        "Another embedder: model.onnx and tokenizer.json, 384 dimensions (Triton)",
    ),
    Variable("MODERATOR_EMBEDDER", "Embedder of the moderator; set by what starts Triton"),
    Variable("EMBED_THREADS", "Passages embedded at once; cores - 1, at least 1 (Triton)"),
    Variable("MAVEN_REPOSITORY", "Mirror of Maven Central from which jars are fetched"),
    Variable("READY_FILE", "File that a worker writes when it is ready; set by its supervisor"),
    Variable("STACK", "Mark of a local stack's processes; set by its supervisor"),
    Variable(
        "CODEC", "python: never the compiled codec; compiled: nothing else (schemas/compiled)"
    ),
    Variable("TEST_RUN", "Run folder of a running stack that the tests may use"),
    Variable("CHAOS_SEED", "Seed of the chaos test"),
    Variable("EVAL_DATA", "Folder of evaluation sets, for `make bench ONLY=quality` and the tests"),
)
