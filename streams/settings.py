"""Settings: what a process is told from outside, each field with its type, default and reason.

A value comes from an option of the call, else from the environment (`PLAYHEAD_` and the field's
name in capitals), else from the run folder's `stack.json`, which `playhead up` writes, else from
the default here (`setting_sources`). `playhead settings` shows which; docs/settings.md repeats this
module.

Why it is so: msgspec, which the records need anyway, converts and bounds a value by its annotation
(`setting_types`). pydantic-settings would cost each process 0.2 s at its start, and it neither
refuses names that nobody reads nor says where a value came from (docs/decisions/0013).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from streams.setting_sources import refuse_unknown, resolve
from streams.setting_types import (
    Address,
    BadSetting,
    Bytes,
    ChatTrust,
    Count,
    Detecting,
    Folder,
    FolderOrBucket,
    KafkaMechanism,
    KafkaSecurity,
    Level,
    Megabytes,
    Milliseconds,
    Name,
    OptionalUrl,
    Port,
    Seconds,
    TritonSecurity,
    Url,
    text_like,
    whole,
)

__all__ = ["BadSetting", "Settings"]


@dataclass(frozen=True)
class Settings:
    """Where the components are and how the processes behave."""

    run: Path = Path(".playhead")
    """Run folder: logs, data, keys and stack.json of the local stack."""
    kafka: Address = "127.0.0.1:9092"
    """Bootstrap servers; several with commas."""
    kafka_security: KafkaSecurity = "plaintext"
    """How the broker is spoken to: ssl is TLS, and sasl_ssl a name and a password within it."""
    kafka_ca: str = ""
    """File (PEM) of the authorities that may have signed the broker's certificate; empty for the
    system's."""
    kafka_certificate: str = ""
    """File (PEM) of a certificate by which the broker knows us; empty for none."""
    kafka_private_key: str = ""
    """File (PEM, mode 0600) of that certificate's private key."""
    kafka_mechanism: KafkaMechanism = "SCRAM-SHA-512"
    """How the password is proved; PLAIN sends it as it is."""
    kafka_user: str = ""
    """Name by which the broker knows us; what it may do is in infra/kafka/acls.yaml."""
    kafka_password_file: str = ""
    """File (mode 0600) that holds its password."""
    registry: Url = "http://127.0.0.1:8081/apis/ccompat/v7"
    """Confluent-compatible schema registry."""
    registry_ca: str = ""
    """File (PEM) of the authorities that may have signed its certificate; empty: the system's."""
    registry_certificate: str = ""
    """File (PEM) of a certificate by which the registry knows us; empty for none."""
    registry_private_key: str = ""
    """File (PEM, mode 0600) of that certificate's private key."""
    registry_user: str = ""
    """Name by which the registry knows us (HTTP basic); empty for anonymous access."""
    registry_password_file: str = ""
    """File (mode 0600) that holds its password."""
    weaviate_http: Url = "http://127.0.0.1:8080"
    """Weaviate's REST address."""
    weaviate_grpc: Address = "127.0.0.1:50051"
    """Weaviate's gRPC address; with TLS where the one of REST has https."""
    weaviate_ca: str = ""
    """File (PEM) of the authorities that may have signed its certificate; empty: the system's."""
    weaviate_key_file: str = ""
    """File that holds Weaviate's API key; empty for anonymous access."""
    triton_grpc: Address = "127.0.0.1:8001"
    """Triton's gRPC address."""
    triton_security: TritonSecurity = "plaintext"
    """Whether Triton is spoken to with TLS."""
    triton_ca: str = ""
    """File (PEM) of the authorities that may have signed its certificate; empty: the system's."""
    triton_certificate: str = ""
    """File (PEM) of a certificate by which Triton knows us; empty for none."""
    triton_private_key: str = ""
    """File (PEM, mode 0600) of that certificate's private key."""
    generations: Count = 2
    """Answers that a worker has generated at once: on few cores more take as much longer; a GPU
    takes what its batches hold."""
    providers: str = ""
    """File of the providers of chat models; empty for <run>/providers.json, and Triton alone where
    there is none."""
    tools: str = ""
    """File of the tools that tenants may use; empty for <run>/tools.json, and the calculator alone
    where there is none."""
    chat_model: str = ""
    """GGUF file of another chat model for Triton; its route bears the file's name."""
    chat_trust: ChatTrust = ""
    """How far the answers of that model may be in its own words: phrase, quote or none, as in
    routes.json; empty for phrase where there is such a file, and for what routes.json says."""
    tokenizer: str = ""
    """The embedder's tokenizer.json: chunks are measured in the embedder's own tokens."""
    gateway: Url = "http://127.0.0.1:8000"
    """The gateway's own address."""
    partitions: Count = 4
    """Lanes of every tenant topic, chosen once: 4 is light on a laptop; production takes 64."""
    replication: Count = 1
    """Replicas of every topic: 1 on one broker; 3 in production, with min.insync.replicas 2."""
    embedder: Name = "embedder"
    """Triton's name of the embedding model."""
    window: Count = 16
    """Events of one partition in flight at once in a step: enough to hide one slow generation."""
    memory_mb: Megabytes = 256
    """Inputs that a worker holds, over all its steps; above, lanes with more than a share wait."""
    slot: str = ""
    """Name of a worker's place, unique among those that run: one that returns to it within 6 s goes
    on with its lanes. Empty: its lanes move when it leaves, or 6 s after it died."""
    attempts_max: Count = 5
    """Runs of a step, at least, over an input without a deadline; others are tried until theirs."""
    backoff_ms: Milliseconds = 100
    """First pause before another attempt; doubles each time, with jitter, up to 10 s."""
    patience_ms: Milliseconds = 60_000
    """How long an input without a deadline is tried at least: a service restarts faster."""
    cache_mb: Annotated[int, whole(0, unit="MB")] = 64
    """Memory of a worker for what it embedded and searched, half for each, and as much again for
    answers where they are kept; 0 keeps nothing."""
    cache_s: Annotated[float, Meta(ge=0, le=86_400, extra={"unit": "s"})] = 300.0
    """How long that is kept at most. A tenant's documents end what was searched at once; the time
    bounds what the index does not tell, such as changes by workers of 0.1.0."""
    abandoned_s: Annotated[float, Meta(ge=0, le=3_600, extra={"unit": "s"})] = 5.0
    """How long after its client left a stream without a cursor (OpenAI's, MCP's), or an answer that
    it waited for as a whole, its model is stopped; 0: never. Others end by a cancel alone."""
    answer_cache_s: Annotated[float, Meta(ge=0, le=86_400, extra={"unit": "s"})] = 0.0
    """How long a model's answer to the same prompt of a tenant is kept; 0 asks it each time."""
    call_timeout_s: Seconds = 60.0
    """Bound on one call of a connector, a whole stream included."""
    reader_patience_ms: Annotated[int, whole(0, 1_000, unit="ms")] = 40
    """How long a model's tokens are gathered into the second part of an answer; later ones up to
    2.5 times as long. The first token and the end of the first sentence leave at once. Each part
    costs room on the log, and the broker five requests."""
    niceness: Annotated[int, whole(0, 19)] = 0
    """How far a worker gives way to others on its machine: 0 to 19, where 5 takes a third of what
    others do, while all want more; for one that hosts the steps of documents alone."""
    commit_ms: Milliseconds = 200
    """How often offsets are committed: what a crash may have to do again."""
    master_key_file: str = ""
    """File (mode 0600) with the master key that wraps all others; empty for <run>/master.key."""
    keyring: str = ""
    """SQLite file of the wrapped keys; empty for <run>/keyring.sqlite."""
    producer_key_file: str = ""
    """File (mode 0600) with the key that signs the requests which this process writes, as
    `playhead producers create` prints it; empty for none."""
    seal_key: str = ""
    """File (mode 0600) with the private key that signs checkpoints; empty for <run>/seal.key."""
    seal: Folder = ""
    """Folder of the trees and checkpoints of a sealed log; empty for <run>/seal."""
    witness_policy: str = ""
    """File that names the seal's witnesses and how many must cosign (C2SP tlog-policy,
    docs/how-to/witnesses.md); empty for those of the command line."""
    oidc: str = ""
    """File (TOML) of the issuers whose tokens the gateway takes, and where people sign in
    (docs/how-to/single-sign-on.md); empty for keys alone."""
    claims: FolderOrBucket = ""
    """Folder of bodies too large for a record, which gateways and workers must share, or
    s3://bucket/prefix; empty for <run>/claims."""
    claim_bytes: Bytes = 200_000
    """Sealed bodies above this travel by claim check: well under the broker's 1 MiB limit."""
    uploads: FolderOrBucket = ""
    """Folder of uploads that are not whole, which all gateways must share, or s3://bucket/prefix;
    empty for <run>/uploads."""
    uploads_kept_s: Seconds = 86_400.0
    """How long an upload can be gone on with after it began."""
    s3_endpoint: OptionalUrl = ""
    """Address of the server behind s3:// in PLAYHEAD_CLAIMS, PLAYHEAD_UPLOADS and the names of
    archives; empty for AWS. Its credentials are the machine's (AWS_ACCESS_KEY_ID, AWS_PROFILE,
    AWS_SHARED_CREDENTIALS_FILE and the like)."""
    s3_region: str = ""
    """Region of that server."""
    archive_cache: Folder = ""
    """Folder for parts of archives in buckets that were read; empty for <run>/archives."""
    archive_cache_mb: Annotated[int, whole(1, unit="MB")] = 4_096
    """What that folder holds; what was read longest ago is deleted from it."""
    document_bytes_max: Bytes = 16_777_216
    """Largest document: 16 MiB of text is a long book."""
    sources_code: Folder = ""
    """Folder of code that sources of documents may run (kind dlt); empty for none: a source stands
    on the log, and who may write there must not have just anything run."""
    document_cpu_s: Seconds = 18.0
    """CPU time that reading one document may take, whatever the machine does beside it."""
    document_memory_mb: Annotated[int, whole(64, unit="MB")] = 1_024
    """Memory (address space) of a process that reads documents; a worker has up to two."""
    detector: Detecting = "tagger"
    """What looks for personal data: Playhead's own tagger, which asks spaCy where it is unsure, or
    Presidio's recognisers with spaCy on every text."""
    detection_cpu_s: Seconds = 18.0
    """CPU time that looking for personal data may take: in a question, or in some ten chunks."""
    detection_memory_mb: Annotated[int, whole(512, unit="MB")] = 1_024
    """Memory (address space) of a process that does so; a worker has one for questions, one for
    long ones and one for documents, each from its first text on. They share 110 MB, and each takes
    5 to 15 more."""
    deadline_ms: Milliseconds = 30_000
    """Time that a question has unless its asker says otherwise."""
    unanswered_max: Count = 256
    """Questions on the log without an answer; above, a gateway refuses new ones (503)."""
    unanswered_per_tenant_max: Count = 64
    """The same for one tenant (429): a quarter, so that none uses up all alone."""
    question_lag_max: Count = 1_000
    """Records of a lane before a tenant's at a step of the chat; above, it is refused (503)."""
    question_age_max_s: Seconds = 30.0
    """The same by the age of the oldest: no asker waits longer than deadline_ms by default."""
    document_lag_max: Count = 10_000
    """Records of a lane before a tenant's at a step of the ingest; above, it is refused (503)."""
    document_age_max_s: Seconds = 3_600.0
    """The same by the age of the oldest: nobody waits for a document as for an answer."""
    bodies_bytes_max: Bytes = 268_435_456
    """Request bodies that one gateway holds in memory at once: 256 MiB is eight of the largest."""
    otlp_endpoint: OptionalUrl = ""
    """OTLP/HTTP endpoint for traces and metrics, such as http://127.0.0.1:4318; empty for none."""
    metrics_host: Name = "127.0.0.1"
    """Address on which a worker serves its metrics; 0.0.0.0 in a container."""
    metrics_port: Port = 0
    """Port of a worker's Prometheus metrics (/metrics); 0 for none. The gateway has its own."""
    test_tenants: str = "*-test"
    """Tenants on which recorded conversations may be tried further (`playhead replay fork`): shell
    patterns with commas between; empty for none."""
    region: Annotated[
        str, text_like(r"^[\w.-]{0,64}\Z", "empty, or a name of letters, digits, . _ -")
    ] = ""
    """Where this process runs and its log lies, as policies name it (docs/how-to/policies.md);
    empty for unknown."""
    log_level: Level = "info"
    """Least urgent line that is logged; debug shows stack traces too."""

    @property
    def master_key_path(self) -> Path:
        """File that holds the master key."""
        return Path(self.master_key_file) if self.master_key_file else self.run / "master.key"

    @property
    def keyring_path(self) -> Path:
        """SQLite file of the wrapped keys."""
        return Path(self.keyring) if self.keyring else self.run / "keyring.sqlite"

    @property
    def seal_key_path(self) -> Path:
        """File of the private key that signs checkpoints."""
        return Path(self.seal_key) if self.seal_key else self.run / "seal.key"

    @property
    def seal_path(self) -> Path:
        """Folder of trees and checkpoints."""
        return Path(self.seal) if self.seal else self.run / "seal"

    @property
    def uploads_place(self) -> str:
        """Folder, or s3:// address, of uploads that are not whole."""
        return self.uploads or str(self.run / "uploads")

    @property
    def archive_cache_path(self) -> Path:
        """Folder of parts of archives in buckets."""
        return Path(self.archive_cache) if self.archive_cache else self.run / "archives"

    @property
    def claims_place(self) -> str:
        """Folder, or s3:// address, of claim-checked bodies."""
        return self.claims or str(self.run / "claims")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Read the settings; keyword arguments win over everything.

        Raises BadSetting for a value that is not allowed and for a `PLAYHEAD_*` name that nobody
        reads.
        """
        environment = os.environ if environment is None else environment
        refuse_unknown(cls, environment)
        in_force = resolve(cls, environment, **given)
        return cls(**{name: setting.value for name, setting in in_force.items()})
