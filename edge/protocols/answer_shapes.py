"""What clients are told, as JSON Schemas: answers, passages, frames and problems.

The code that makes them goes by no model, for a token's frame costs less than its check. So these
describe, for the documents of the interfaces, and tests hold what is made against them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

AnswerStatus = Literal["accepted", "answering", "completed", "retracted", "failed"]


class HandedInFile(BaseModel):
    """What became of a file of a form."""

    name: str
    status: int = Field(description="202, or that of the problem before which it came to nothing.")
    document_id: str = Field(default="", description="Of one that is on the log, as its request.")
    request_id: str = ""


class ProblemDetails(BaseModel):
    """What went wrong and what to do (RFC 9457)."""

    model_config = ConfigDict(title="Problem")
    type: str = Field(description="A name of the kind of problem: urn:playhead:problem:…")
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do.")
    request_id: str
    trace_id: str
    retryable: bool = Field(description="Whether the same request may succeed later.")
    retry_after_s: int = Field(default=1, description="When to come back; not always there.")
    documents: list[HandedInFile] = Field(
        default=[], description="Of a form of which not all is on the log: each of its files."
    )


class FoundPassage(BaseModel):
    """A passage that was found."""

    document_id: str
    chunk_id: str
    title: str
    uri: str
    text: str
    score: float = Field(description="Compares within one result only.")


class SearchResult(BaseModel):
    """What a search found, the best first."""

    request_id: str
    passages: list[FoundPassage]


class CitedPassageTold(BaseModel):
    """A passage on which an answer rests."""

    document_id: str
    chunk_id: str
    title: str
    uri: str
    quote: str


class TokensUsed(BaseModel):
    """Tokens of the prompt and of the answer."""

    prompt_tokens: int
    completion_tokens: int


class LogPosition(BaseModel):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class ClosedAnswer(BaseModel):
    """How an answer ended; `degraded` names what was left out for lack of time."""

    text: str
    citations: list[CitedPassageTold]
    usage: TokensUsed
    finish_reason: str | None
    degraded: list[str]


class AskResult(ClosedAnswer):
    """An answer."""

    request_id: str
    session_id: str


class AnswerSoFar(AskResult):
    """An answer as far as the log has it."""

    status: AnswerStatus
    reason: str = Field(default="", description="Why it was retracted.")
    error: dict[str, Any] = Field(default={}, description="The problem with which it failed.")


# ---------------------------------------------------------------------- frames


class FrameShape(BaseModel):
    """What every frame from the gateway has."""

    request_id: str
    cursor: str = Field(description="Opaque: what to resume with to get all that comes after it.")


class AcceptedFrame(FrameShape):
    """The question is on the log."""

    type: Literal["accepted"]
    session_id: str
    id: str | int = Field(default="", description="The client's own name of the message.")


class StepFrame(FrameShape):
    """A step is done; optional."""

    type: Literal["step"]
    step: str
    took_ms: int


class DeltaFrame(FrameShape):
    """More of the text."""

    type: Literal["delta"]
    text: str


class RestartedFrame(FrameShape):
    """The partial answer is void; deltas start over."""

    type: Literal["restarted"]


class CompletedFrame(FrameShape, ClosedAnswer):
    """The answer is whole."""

    type: Literal["completed"]


class RedactedFrame(FrameShape):
    """Replace what was already shown from `start` up to `end`, in characters."""

    type: Literal["redacted"]
    start: int
    end: int
    replacement: str


class RetractedFrame(FrameShape):
    """Remove the whole answer."""

    type: Literal["retracted"]
    reason: str


class ErrorFrame(FrameShape):
    """A problem, with the fields of a problem document; `problem` is its type."""

    type: Literal["error"]
    problem: str
    title: str
    status: int
    detail: str
    trace_id: str
    retryable: bool
    retry_after_s: int = 1


FRAMES: dict[str, type[FrameShape]] = {
    "accepted": AcceptedFrame,
    "step": StepFrame,
    "delta": DeltaFrame,
    "restarted": RestartedFrame,
    "completed": CompletedFrame,
    "redacted": RedactedFrame,
    "retracted": RetractedFrame,
    "error": ErrorFrame,
}
AnyFrame = Annotated[
    AcceptedFrame
    | StepFrame
    | DeltaFrame
    | RestartedFrame
    | CompletedFrame
    | RedactedFrame
    | RetractedFrame
    | ErrorFrame,
    Field(discriminator="type"),
]


# ---------------------------------------------------------------------- what else is told


class TakenDocument(BaseModel):
    """A document's request is on the log."""

    document_id: str
    request_id: str


class TakenFile(TakenDocument):
    """A file of a form is on the log, as a document."""

    name: str
    status: Literal[202]


class TakenFiles(BaseModel):
    """The files of a form are on the log, in their order."""

    documents: list[TakenFile]


class TakenDocuments(RootModel[TakenDocument | TakenFiles]):
    """What was handed in is on the log: a document, or the files of a form."""


class DocumentWithdrawnTold(BaseModel):
    """What became of a document that was to be withdrawn."""

    document_id: str
    status: int = Field(description="202, or the status of the problem.")
    request_id: str = Field(default="", description="Of the withdrawal, which is on the log.")
    problem: ProblemDetails | None = Field(default=None, description="Why it is not.")


class DocumentsWithdrawn(BaseModel):
    """What became of each document, once, in their order."""

    documents: list[DocumentWithdrawnTold]


class VersionTold(BaseModel):
    """A request about a document, and what became of it."""

    request_id: str
    what: Literal["submitted", "withdrawn"]
    asked_us: int
    status: Literal["accepted", "ingested", "indexed", "failed", "deleted"]
    reason: str
    version: int = Field(description="0 while it has none.")
    media_type: str
    checksum: str


class VersionsListed(BaseModel):
    """The last requests about a document, the newest first."""

    versions: list[VersionTold]


class UploadTold(BaseModel):
    """How far an upload is; which document and request it becomes is known from the beginning."""

    upload_id: str
    offset: int = Field(description="Bytes that have arrived.")
    length: int
    uri: str
    ends_at: str = Field(description="When it can be gone on with no more.")
    status: Literal["open", "submitted"]
    document_id: str
    request_id: str


class UploadFrame(FrameShape):
    """More of an upload has arrived."""

    type: Literal["upload"]
    upload_id: str
    offset: int
    length: int


class DocumentFrame(FrameShape):
    """A document has come to another status."""

    type: Literal["document"]
    document_id: str
    status: Literal["accepted", "ingested", "indexed", "failed", "deleted"]
    reason: str
    version: int = Field(description="0 while it has none.")


PROGRESS_FRAMES: dict[str, type[FrameShape]] = {
    "upload": UploadFrame,
    "document": DocumentFrame,
    "error": ErrorFrame,
}
AnyProgress = Annotated[UploadFrame | DocumentFrame | ErrorFrame, Field(discriminator="type")]


class TakenJudgement(BaseModel):
    """A judgement is on the log."""

    request_id: str
    about: str = Field(description="The request whose answer is judged.")


class CancelTold(BaseModel):
    """What became of a wish for no answer any more."""

    request_id: str
    status: str = Field(description="How the answer stood: one that was over stays as it is.")


class DocumentManifest(BaseModel):
    """How the version that can be found was made."""

    checksum: str
    parser: str
    parser_version: str
    notes: list[str]
    chunk_policy: str
    language: str
    chunks: list[str]
    kept: int
    retired: int
    unsupported: list[str]


class DocumentFares(BaseModel):
    """How a document fares."""

    model_config = ConfigDict(title="DocumentStatus")
    document_id: str
    uri: str
    title: str | None
    media_type: str
    metadata: dict[str, str]
    status: Literal["accepted", "ingested", "indexed", "failed", "deleted"]
    reason: str
    version: int = Field(description="The version that can be found; 0 for none.")
    chunks: int
    manifest: DocumentManifest | None
    request_id: str
    changed_us: int


class DocumentsListed(BaseModel):
    """A page of documents, by id."""

    model_config = ConfigDict(title="DocumentList")
    documents: list[DocumentFares]
    next: str | None = Field(description="Send it as `after` for more.")


class TimelineTold(BaseModel):
    """Every step of a request with its times, versions and effects."""

    model_config = ConfigDict(title="Timeline", extra="allow")
    request_id: str
    session_id: str
    trace_id: str
    records: int
    took_ms: float
    steps: list[dict[str, Any]]
    stages: list[dict[str, Any]]


class AnyObject(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(title="Object", extra="allow")


class ReceiptClaim(BaseModel):
    """What a receipt of an answer is of, and where to get it."""

    digest: str = Field(description="sha256: of the text as it was released.")
    position: LogPosition
    href: str


class ReceiptTold(BaseModel):
    """The proof that an answer stands on the log; what proves it comes once the log is sealed."""

    model_config = ConfigDict(extra="allow")
    request_id: str
    digest: str
    position: LogPosition
    href: str
    retracted: bool
    state: Literal["sealed", "pending"]
    index: int = Field(default=0, description="Of the leaf in its tree.")
    leaf: str = Field(default="", description="The record's bytes, in base64.")
    proof: list[str] = Field(default=[], description="Hashes beside its path, in base64.")
    checkpoint: str = Field(default="", description="The signed note.")
    key: str = Field(default="", description="The public key that has signed it.")


class PassagesTold(BaseModel):
    """The passages that an answer was made from."""

    request_id: str
    passages: list[FoundPassage]


class ListedConversation(BaseModel):
    """A conversation of one's own."""

    session_id: str
    title: str | None = Field(description="Of its first question; null where that is gone.")
    messages: int
    began_us: int
    last_us: int


class SessionsListed(BaseModel):
    """Conversations, the newest first; `next` is what to send as `before` for more."""

    sessions: list[ListedConversation]
    next: str | None


class SaidMessage(AnswerSoFar):
    """A question, as it was typed, and its answer."""

    question: str | None
    asked_us: int


class SessionTold(BaseModel):
    """Messages of a conversation, the oldest of the page first."""

    session_id: str
    messages: list[SaidMessage]
    next: str | None


class CallerTold(BaseModel):
    """Who calls."""

    tenant: str
    user: str
    scopes: list[str]
    groups: list[str]
    by: str
    key: str
    """Id of the API key, or what stands for it: by which limits count."""
    ends_at: str | None


class SignInOptions(BaseModel):
    """Where people can sign in, and whether this browser's has."""

    issuers: list[dict[str, Any]]
    signed_in: bool


class HealthTold(BaseModel):
    """The process runs."""

    model_config = ConfigDict(title="Health")
    status: Literal["ok"]
    version: str


class ReadinessTold(BaseModel):
    """Requests can be served."""

    model_config = ConfigDict(title="Readiness", extra="allow")
    status: Literal["ready"]
