"""What auditors are told, as JSON Schemas: see `answer_shapes`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from edge.protocols.answer_shapes import AnyObject, FoundPassage, LogPosition, TimelineTold


class AuditedRequest(BaseModel):
    """A question or search, as an auditor's list has it."""

    request_id: str
    session_id: str
    asked_us: int
    mode: Literal["answer", "search"]
    person: str = Field(description="Keyed digest of who asked.")
    erased: bool = Field(description="Whether who asked was erased since.")
    state: Literal["open", "completed", "retracted", "failed"]
    question: str | None = Field(description="With placeholders; null where it is not shown.")
    digest: str | None = Field(description="sha256: of the answer as it was released.")


class AuditedRequests(BaseModel):
    """What was asked, the newest first."""

    requests: list[AuditedRequest]
    next: str | None = Field(description="What to send as `before`; null at the end.")


class RecalledPrompt(BaseModel):
    """What a model was asked, computed again from the log; or why that is not shown."""

    attempt: int
    counts: bool = Field(description="Whether the run is the one that counts.")
    prompt: str
    system: str
    model: str
    provider: str
    route: str
    max_tokens: int
    digest: str = Field(description="Hex SHA-256 of the prompt, placeholders in it.")
    holds: bool = Field(
        description="Whether just that was asked, by the digest on the log; else it is not shown."
    )
    doubt: str = Field(description="Why it is not shown.")
    documents: list[str] = Field(description="That the model's tools found for it.")


class RecalledPromptsTold(BaseModel):
    """What models were asked for an answer; none where no model was."""

    request_id: str
    prompts: list[RecalledPrompt]


class RecordProof(BaseModel):
    """The proof of one record."""

    position: LogPosition
    state: Literal["sealed", "pending"]
    receipt: AnyObject | None = Field(description="As `playhead audit prove` writes it.")


class AuditedQuestion(BaseModel):
    """A question with placeholders, and what was searched for."""

    text: str | None
    refused: str = Field(description="Why it was refused; empty otherwise.")
    query: str | None
    wordings: list[str]
    rewriting: str = Field(description="rewritten, unchanged, refused or small_talk.")
    turns_read: int = Field(description="Earlier questions of the conversation that were read.")


class AuditedPassage(FoundPassage):
    """A passage that was found, and where it stands in its document."""

    version: int
    number: int


class AuditedTexts(BaseModel):
    """What was asked, found and said."""

    question: AuditedQuestion
    passages: list[AuditedPassage]
    moments: list[dict[str, Any]] = Field(
        description="Frames of the answer, each with `at_us`, when the broker had its record."
    )
    digest: str | None = Field(description="sha256: of the answer as it was released.")


class AuditedDecisions(BaseModel):
    """How an answer came about."""

    index: str
    position: int | None
    relevance: float | None
    model: str
    finish_reason: str | None
    support: float | None
    degraded: list[str] = Field(description="What was left out.")
    prompt_digest: str = Field(description="Hex; empty where texts are not shown.")
    usage: dict[str, int] | None
    route: dict[str, Any] | None
    policies: list[dict[str, Any]]
    retracted: str | None = Field(description="Why it was withdrawn.")


class VersionRead(BaseModel):
    """Which bytes a version was read from, and how; nulls where that was not found."""

    checksum: str | None = Field(description="Keyed digest of its bytes.")
    parser: str | None
    parser_version: str | None
    chunk_policy: str | None


class AnsweredFrom(VersionRead):
    """A version of a document that passages were cut from."""

    document_id: str
    version: int
    uri: str
    cited: bool
    in_force: bool = Field(description="Whether this version is the one that is found now.")


class AnswerRecord(BaseModel):
    """Where a record of an answer lies, what wrote it and when."""

    topic: str
    partition: int
    offset: int
    id: str
    step: str
    attempt: int
    at_us: int


class AuditedLife(BaseModel):
    """The life of an answer."""

    request_id: str
    session_id: str
    asked_us: int
    mode: Literal["answer", "search"]
    person: str = Field(description="Keyed digest of who asked.")
    erased: bool = Field(description="Whether who asked was erased since.")
    trace_id: str
    withheld: str = Field(description="Why texts are not shown; empty where they are.")
    texts: AuditedTexts | None
    decisions: AuditedDecisions
    documents: list[AnsweredFrom]
    timeline: TimelineTold
    records: list[AnswerRecord]


class RequestAbout(BaseModel):
    """A version that was handed in, or a withdrawal."""

    request_id: str
    at_us: int


class CitedIn(BaseModel):
    """An answer that cites a document."""

    request_id: str
    answered_us: int


class AuditedDocument(VersionRead):
    """A document, what was said about it, and the answers that cite it, the newest first."""

    document_id: str
    uri: str
    media_type: str
    status: str
    version: int = Field(description="That is found now; 0 for none.")
    requests: list[RequestAbout]
    answers: list[CitedIn]
    next: str | None = Field(description="What to send as `before`; null at the end.")
