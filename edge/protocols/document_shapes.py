"""What is told of documents, forms and uploads, as JSON Schemas: see `answer_shapes`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from edge.protocols.answer_shapes import ProblemDetails
from edge.protocols.frame_shapes import ErrorFrame, FrameShape


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
