"""What each operation answers, with which problems: the table of the interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from edge.protocols import answer_shapes as shapes
from edge.protocols import audit_shapes as audited
from edge.protocols import document_shapes as handed_in
from edge.protocols.openai import described

FRAMES_TOLD = (
    "Server-sent events. Each has a frame (the schema Frame) as its data and the frame's cursor as "
    "its id: a reader that comes back with it in Last-Event-ID gets all that came after, once."
)
PROGRESS_TOLD = (
    "Server-sent events until a document is settled, resumed as those of answers are. Each has a "
    "frame (the schema ProgressFrame): upload says how much has arrived, document how it fares."
)
CHUNKS_TOLD = "Server-sent events in OpenAI's shape: chat.completion.chunk, and [DONE] at the end."

EVENTS_TOLD = (
    "Server-sent events in OpenAI's shape: response.created to response.completed, [DONE]."
)
OPENAI_ASKS = (400, 404, 408, 410, 413, 422, 502, 504)

WRITES = (400, 408, 413, 422)
"""What a body may be refused with, beside what every request with a key may be."""
UPLOADS = (400, 404, 409, 410, 412, 422, 423)
TUS_EXPIRES = ("Upload-Expires", "Tus-Resumable")
TUS_OFFSET = ("Upload-Offset", *TUS_EXPIRES)
TUS_SPOKEN = ("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")
WITH_KEY = (401, 403, 429, 503)


class OperationAnswer(NamedTuple):
    """What an operation answers."""

    status: int
    says: str
    shape: type[BaseModel] | None
    """Of its JSON; None where it has none."""
    refusals: tuple[int, ...] = ()
    streams: str = ""
    """What its event stream holds; empty where it has none."""
    sends: tuple[str, ...] = ()
    """Headers of its own."""
    downloads: bool = False
    """Whether it answers with bytes."""


ANSWERS: Mapping[tuple[str, str], OperationAnswer] = {
    ("post", "/v1/documents"): OperationAnswer(
        202, "The submission is on the log.", handed_in.TakenDocuments, (*WRITES, 410)
    ),
    ("post", "/v1/documents/withdraw"): OperationAnswer(
        200, "What became of each.", handed_in.DocumentsWithdrawn, (*WRITES, 410)
    ),
    ("get", "/v1/documents/{document}/versions"): OperationAnswer(
        200, "Its versions.", handed_in.VersionsListed, (404, 422)
    ),
    ("get", "/v1/documents/{document}/original"): OperationAnswer(
        200, "What was handed in.", None, (404, 409, 410, 422), downloads=True
    ),
    ("options", "/v1/uploads"): OperationAnswer(204, "What is spoken.", None, (), "", TUS_SPOKEN),
    ("post", "/v1/uploads"): OperationAnswer(
        201, "Its bytes come here.", None, (*UPLOADS, 413), "", ("Location", *TUS_EXPIRES)
    ),
    ("head", "/v1/uploads/{upload_id}"): OperationAnswer(
        200, "How far it is.", None, UPLOADS, "", ("Upload-Length", *TUS_OFFSET)
    ),
    ("get", "/v1/uploads/{upload_id}"): OperationAnswer(
        200, "How far it is.", handed_in.UploadTold, (404, 410, 422), PROGRESS_TOLD
    ),
    ("patch", "/v1/uploads/{upload_id}"): OperationAnswer(
        204, "These bytes have arrived.", None, (*UPLOADS, 408, 413, 415, 460), "", TUS_OFFSET
    ),
    ("post", "/v1/uploads/{upload_id}"): OperationAnswer(
        204, "As by the other method.", None, (*UPLOADS, 405, 408, 413, 415, 460), "", TUS_OFFSET
    ),
    ("delete", "/v1/uploads/{upload_id}"): OperationAnswer(204, "It is gone.", None, UPLOADS),
    ("get", "/v1/documents"): OperationAnswer(200, "A page.", handed_in.DocumentsListed, (422,)),
    ("get", "/v1/documents/{document}"): OperationAnswer(
        200, "How it fares.", handed_in.DocumentFares, (404, 422), PROGRESS_TOLD
    ),
    ("delete", "/v1/documents/{document}"): OperationAnswer(
        202, "The withdrawal is on the log.", handed_in.TakenDocument, (404, 410, 422)
    ),
    ("post", "/v1/messages"): OperationAnswer(
        200, "The answer.", shapes.AskResult, (*WRITES, 410, 502, 504), FRAMES_TOLD
    ),
    ("get", "/v1/messages/{request_id}"): OperationAnswer(
        200, "The answer so far.", shapes.AnswerSoFar, (404, 422), FRAMES_TOLD
    ),
    ("get", "/v1/messages/{request_id}/timeline"): OperationAnswer(
        200, "Its timeline.", shapes.TimelineTold, (404, 422)
    ),
    ("post", "/v1/search"): OperationAnswer(
        200, "The passages.", shapes.SearchResult, (*WRITES, 410, 502, 504)
    ),
    ("post", "/v1/feedback"): OperationAnswer(
        202, "The judgement is on the log.", shapes.TakenJudgement, (*WRITES, 404, 410)
    ),
    ("get", "/v1/review/next"): OperationAnswer(
        200, "An answer, or none.", shapes.AnyObject, (422,)
    ),
    ("post", "/v1/review/judge"): OperationAnswer(
        202, "The judgement is on the log.", shapes.TakenJudgement, (*WRITES, 404, 409, 410)
    ),
    ("post", "/v1/review/undo"): OperationAnswer(
        202, "It was taken back.", shapes.TakenJudgement, (*WRITES, 404, 409, 410)
    ),
    ("get", "/v1/review/agreement"): OperationAnswer(
        200, "How far reviewers agree.", shapes.AnyObject, ()
    ),
    ("get", "/v1/audit/requests"): OperationAnswer(
        200, "What was asked.", audited.AuditedRequests, (422,)
    ),
    ("get", "/v1/audit/requests/{request_id}"): OperationAnswer(
        200, "The life of an answer.", audited.AuditedLife, (404, 422)
    ),
    ("get", "/v1/audit/requests/{request_id}/prompt"): OperationAnswer(
        200, "What models were asked.", audited.RecalledPromptsTold, (404, 422)
    ),
    ("get", "/v1/audit/requests/{request_id}/proof"): OperationAnswer(
        200, "The record's receipt.", audited.RecordProof, (404, 422)
    ),
    ("get", "/v1/audit/documents/{document_id}"): OperationAnswer(
        200, "The document, and answers that cite it.", audited.AuditedDocument, (404, 422)
    ),
    ("get", "/v1/messages/{request_id}/passages"): OperationAnswer(
        200, "Its passages.", shapes.PassagesTold, (404, 422)
    ),
    ("post", "/v1/messages/{request_id}/cancel"): OperationAnswer(
        202,
        "The wish is on the log; 200 for an answer that was over.",
        shapes.CancelTold,
        (404, 410, 422),
    ),
    ("get", "/v1/messages/{request_id}/receipt"): OperationAnswer(
        200, "Its receipt.", shapes.ReceiptTold, (404, 409, 422)
    ),
    ("get", "/v1/sessions"): OperationAnswer(200, "Conversations.", shapes.SessionsListed, (422,)),
    ("get", "/v1/sessions/{session_id}"): OperationAnswer(
        200, "Its messages.", shapes.SessionTold, (404, 422)
    ),
    ("delete", "/v1/subjects/{subject}"): OperationAnswer(
        202, "The erasure is asked for; 200 once it is done.", shapes.AnyObject, (404, 409, 422)
    ),
    ("get", "/v1/subjects/{subject}"): OperationAnswer(
        200, "How it stands.", shapes.AnyObject, (404, 422)
    ),
    ("get", "/v1/me"): OperationAnswer(200, "Who calls.", shapes.CallerTold),
    ("get", "/login/options"): OperationAnswer(200, "Where to sign in.", shapes.SignInOptions),
    ("get", "/v1/models"): OperationAnswer(200, "The models.", described.ModelList, (404,)),
    ("get", "/v1/models/{name}"): OperationAnswer(
        200, "The model.", described.DescribedModel, (404,)
    ),
    ("post", "/v1/chat/completions"): OperationAnswer(
        200, "The completion.", described.ChatCompletion, OPENAI_ASKS, CHUNKS_TOLD
    ),
    ("post", "/v1/responses"): OperationAnswer(
        200, "The response.", described.ResponseResource, OPENAI_ASKS, EVENTS_TOLD
    ),
    ("get", "/v1/responses/{response_id}"): OperationAnswer(
        200, "The response so far.", described.ResponseResource, (400, 404)
    ),
    ("get", "/v1/responses/{response_id}/input_items"): OperationAnswer(
        200, "What was asked.", described.InputItemList, (400, 404)
    ),
    ("delete", "/v1/responses/{response_id}"): OperationAnswer(
        405, "The log forgets nothing: what erases is told.", described.OpenAIError, (404,)
    ),
    ("post", "/v1/responses/{response_id}/cancel"): OperationAnswer(
        400, "Nothing runs in the background.", described.OpenAIError, (404,)
    ),
    ("post", "/v1/embeddings"): OperationAnswer(
        200, "The vectors.", described.EmbeddingList, OPENAI_ASKS
    ),
    ("get", "/healthz"): OperationAnswer(200, "The process runs.", shapes.HealthTold),
    ("get", "/readyz"): OperationAnswer(200, "It can serve.", shapes.ReadinessTold, (503,)),
}
EXAMPLES: Mapping[str, dict[str, Any]] = {
    "Question": {"text": "How long is the notice period?", "session_id": "s-1"},
    "Search": {"text": "notice period", "k": 3, "filters": {"language": "en"}},
    "Document": {
        "uri": "https://acme.example/terms",
        "media_type": "text/markdown",
        "title": "Terms",
        "content": "# Notice\n\nThe notice period is four weeks.",
    },
    "Feedback": {"request_id": "3f0c0d3e-6a3b-5b0a-8a5e-0c4ac0a3a9f1", "rating": 1},
}


def _link(operation: str, parameter: str, source: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {parameter: f"$response.body#/{source}"}}


LINKS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/documents"): {
        "Status": _link("get_document", "document", "document_id"),
        "Withdrawal": _link("withdraw_document", "document", "document_id"),
    },
    ("post", "/v1/messages"): {
        "Answer": _link("get_message", "request_id", "request_id"),
        "Timeline": _link("get_timeline", "request_id", "request_id"),
        "Feedback": {
            "operationId": "give_feedback",
            "requestBody": {"request_id": "$response.body#/request_id", "rating": 1},
        },
    },
    ("post", "/v1/search"): {"Timeline": _link("get_timeline", "request_id", "request_id")},
    ("get", "/v1/models"): {"Model": _link("get_model", "name", "data/0/id")},
}
"""What a response leads on to."""
