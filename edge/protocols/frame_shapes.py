"""Frames of answers, as JSON Schemas: see `answer_shapes`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from edge.protocols.answer_shapes import ClosedAnswer


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
