"""What clients are told, as JSON Schemas: answers, passages, frames and problems.

The code that makes them goes by no model, for a token's frame costs less than its check. So these
describe, for the documents of the interfaces, and tests hold what is made against them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


# ---------------------------------------------------------------------- what else is told


class TakenJudgement(BaseModel):
    """A judgement is on the log."""

    request_id: str
    about: str = Field(description="The request whose answer is judged.")


class CancelTold(BaseModel):
    """What became of a wish for no answer any more."""

    request_id: str
    status: str = Field(description="How the answer stood: one that was over stays as it is.")


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
    history_left_s: int
