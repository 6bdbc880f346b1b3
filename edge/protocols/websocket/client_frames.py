"""What clients send over a WebSocket: JSON text frames, checked."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import orjson
from pydantic import BaseModel, Field

from edge.problems import Problem
from edge.protocols.contents import Truth, WholeNumber, validated
from edge.requests import limits


class MessageFrame(BaseModel):
    """A question."""

    kind: ClassVar[str] = "message"
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX)
    id: Annotated[str, Field(max_length=limits.FRAME_NAME_MAX)] | WholeNumber = ""
    session_id: str = Field("", max_length=limits.SESSION_MAX)
    max_tokens: WholeNumber = Field(limits.ANSWER_TOKENS, ge=1, le=limits.ANSWER_TOKENS_MAX)
    budget_ms: WholeNumber | None = Field(None, ge=limits.BUDGET_MS[0], le=limits.BUDGET_MS[1])
    receipt: Truth = False
    """Whether the end says what a receipt of the answer is of."""
    tenant: str | None = None

    @property
    def name(self) -> dict[str, Any]:
        """The client's own name of the message, where it gave one."""
        return {} if self.id == "" else {"id": self.id}


class ResumeFrame(BaseModel):
    """Go on after a cursor."""

    kind: ClassVar[str] = "resume"
    request_id: str = Field(min_length=1, max_length=limits.ID_MAX)
    cursor: str = Field("", max_length=limits.CURSOR_MAX)
    receipt: Truth = False


class CancelFrame(BaseModel):
    """Have an answer end where it is, whoever follows it."""

    kind: ClassVar[str] = "cancel"
    request_id: str = Field(min_length=1, max_length=limits.ID_MAX)


ClientFrame = MessageFrame | ResumeFrame | CancelFrame
KINDS: dict[str, type[ClientFrame]] = {
    model.kind: model for model in (MessageFrame, ResumeFrame, CancelFrame)
}


def parse(text: bytes) -> ClientFrame:
    """Read a frame; raises Problem that names the fields at fault, never their values."""
    if len(text) > limits.FRAME_MAX:
        raise Problem(413, "too-large", f"a frame may have {limits.FRAME_MAX} bytes: send less")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Problem(400, "malformed-json", "a frame is a JSON object in UTF-8") from None
    kind = content.get("type") if isinstance(content, dict) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Problem(422, "invalid", "type: send a message, resume or cancel frame")
    return validated(content, model)


def names_in(text: bytes) -> dict[str, Any]:
    """Return by what a client knows the frame that it sent, as an error frame tells it.

    A message by its own `id`, another frame by the request that it is about; empty where nothing
    of the like can be read.
    """
    try:
        content = orjson.loads(text) if len(text) <= limits.FRAME_MAX else None
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        return {}
    field, most = ("request_id", limits.ID_MAX)
    if content.get("type") not in (ResumeFrame.kind, CancelFrame.kind):
        field, most = ("id", limits.FRAME_NAME_MAX)
    name = content.get(field)
    if type(name) is int and field == "id":
        return {field: name}
    return {field: name} if isinstance(name, str) and 0 < len(name) <= most else {}
