"""Settings: one frozen dataclass; each field with its unit and the reason for its default.

A value comes from the environment (`PLAYHEAD_` and the field's name in capitals), else from the run
folder's `stack.json`, which `playhead up` writes, else from the default here.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadSetting(ValueError):
    """A setting that can't be used; the message names it and says what it must be."""


@dataclass(frozen=True)
class Settings:
    """Where the components are and how the processes behave."""

    run: Path = Path(".playhead")
    """Run folder: logs, data, keys and stack.json of the local stack."""
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers."""
    registry: str = "http://127.0.0.1:8081/apis/ccompat/v7"
    """Confluent-compatible schema registry."""
    weaviate_http: str = "http://127.0.0.1:8080"
    """Weaviate's REST address."""
    weaviate_grpc: str = "127.0.0.1:50051"
    """Weaviate's gRPC address."""
    weaviate_key_file: str = ""
    """File that holds Weaviate's API key; empty for anonymous access."""
    triton_grpc: str = "127.0.0.1:8001"
    """Triton's gRPC address."""
    tokenizer: str = ""
    """The embedder's tokenizer.json: chunks are measured in the embedder's own tokens."""
    gateway: str = "http://127.0.0.1:8000"
    """The gateway's own address."""
    partitions: int = 4
    """Lanes of every tenant topic, chosen once: 4 is light on a laptop; production takes 64."""
    replication: int = 1
    """Replicas of every topic: 1 on one broker; 3 in production, with min.insync.replicas 2."""
    embedder: str = "embedder"
    """Triton's name of the embedding model."""
    chat_model: str = "chat"
    """Triton's name of the chat model."""
    window: int = 16
    """Events of one partition in flight at once in a step: enough to hide one slow generation."""
    memory_mb: int = 256
    """Inputs that a worker holds, over all its steps, in MB; above it reads no more."""
    slot: str = ""
    """Name of a worker's place, unique among those that run: one that returns to it within 6 s goes
    on with its lanes at once. Empty: its lanes move when it leaves, or 6 s after it died."""
    attempts_max: int = 5
    """Runs of a step, at least, over an input without a deadline; others are tried until theirs."""
    backoff_ms: int = 100
    """First pause before another attempt; doubles each time, with jitter, up to 10 s."""
    patience_ms: int = 60_000
    """How long an input without a deadline is tried at least: a service restarts faster."""
    call_timeout_s: float = 60.0
    """Bound on one call of a connector, a whole stream included."""
    commit_ms: int = 200
    """How often offsets are committed: what a crash may have to do again."""
    master_key_file: str = ""
    """File (mode 0600) with the master key that wraps all others; empty for <run>/master.key."""
    keyring: str = ""
    """SQLite file of the wrapped keys; empty for <run>/keyring.sqlite."""
    claims: str = ""
    """Folder of bodies too large for a record; empty for <run>/claims."""
    claim_bytes: int = 200_000
    """Sealed bodies above this travel by claim check: well under the broker's 1 MiB limit."""
    document_bytes_max: int = 16_777_216
    """Largest document: 16 MiB of text is a long book."""
    deadline_ms: int = 30_000
    """Time that a question has unless its asker says otherwise."""
    unanswered_max: int = 256
    """Questions of one gateway without an answer; above, new ones are refused (503)."""
    unanswered_per_tenant_max: int = 64
    """The same for one tenant (429): a quarter, so that none uses up a gateway alone."""
    question_lag_max: int = 1_000
    """Records of a lane that wait for a step of the chat before new questions are refused (503)."""
    question_age_max_s: float = 30.0
    """The same by the age of the oldest: no asker waits longer than deadline_ms by default."""
    document_lag_max: int = 10_000
    """Records of a lane that wait for a step of the ingest before new documents are refused."""
    document_age_max_s: float = 3_600.0
    """The same by the age of the oldest: nobody waits for a document as for an answer."""
    bodies_bytes_max: int = 268_435_456
    """Request bodies that one gateway holds in memory at once: 256 MiB is eight of the largest."""
    otlp_endpoint: str = ""
    """OTLP/HTTP endpoint for traces and metrics, such as http://127.0.0.1:4318; empty for none."""
    metrics_host: str = "127.0.0.1"
    """Address on which a worker serves its metrics; 0.0.0.0 in a container."""
    metrics_port: int = 0
    """Port of a worker's Prometheus metrics (/metrics); 0 for none. The gateway has its own."""
    log_level: str = "info"
    """debug, info, warning or error."""

    @property
    def master_key_path(self) -> Path:
        """File that holds the master key."""
        return Path(self.master_key_file) if self.master_key_file else self.run / "master.key"

    @property
    def keyring_path(self) -> Path:
        """SQLite file of the wrapped keys."""
        return Path(self.keyring) if self.keyring else self.run / "keyring.sqlite"

    @property
    def claims_path(self) -> Path:
        """Folder of claim-checked bodies."""
        return Path(self.claims) if self.claims else self.run / "claims"

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Read the settings; raises BadSetting. Keyword arguments win over everything."""
        environment = os.environ if environment is None else environment
        run = Path(given.pop("run", None) or environment.get("PLAYHEAD_RUN") or cls.run).resolve()
        values: dict[str, Any] = {}
        stack = run / "stack.json"
        if stack.exists():
            try:
                values.update(json.loads(stack.read_text(encoding="utf-8")))
            except ValueError:
                raise BadSetting(f"{stack} is not JSON: run `playhead up` again") from None
        fields = {field.name: field for field in dataclasses.fields(cls) if field.name != "run"}
        for name, field in fields.items():
            text = environment.get(f"PLAYHEAD_{name.upper()}")
            if text is not None:
                values[name] = text
            if name in values and field.type in ("int", "float"):
                convert = int if field.type == "int" else float
                try:
                    values[name] = convert(values[name])
                except (TypeError, ValueError):
                    kind = "a whole number" if convert is int else "a number"
                    raise BadSetting(
                        f"PLAYHEAD_{name.upper()}={values[name]!r}: it must be {kind}"
                    ) from None
        values.update(given)
        return cls(run=run, **{name: values[name] for name in fields if name in values})
