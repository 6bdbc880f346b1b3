"""The OpenAPI document: addresses and parameters as the routes have them, and what they answer.

The framework knows of a route what it takes. What it answers, with which problems and for which
keys, stands in the table here; a test holds that no route is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from edge.problems import MEDIA_TYPE, title_of
from edge.protocols import answer_shapes as shapes
from edge.protocols import audit_shapes as audited
from edge.protocols.http.described_security import add_security, is_public
from edge.protocols.openai import described
from edge.protocols.openai.openai_shape import is_spoken_at
from edge.requests import limits
from streams.version import CODE

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})
SCHEMAS = "#/components/schemas/"
JSON, EVENTS, BYTES = "application/json", "text/event-stream", "application/octet-stream"
DESCRIPTION = (
    "Documents in, cited answers out; every answer can be replayed from the log. The key decides "
    "tenant, user and scopes. Errors are problem documents (RFC 9457), under OpenAI's addresses in "
    "OpenAI's shape. An Idempotency-Key makes a repeat the same request. Beside this: a WebSocket "
    "at /v1/chat (/asyncapi.json), GraphQL at /graphql, the Model Context Protocol at /mcp."
)
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
        202, "The submission is on the log.", shapes.TakenDocuments, (*WRITES, 410)
    ),
    ("post", "/v1/documents/withdraw"): OperationAnswer(
        200, "What became of each.", shapes.DocumentsWithdrawn, (*WRITES, 410)
    ),
    ("get", "/v1/documents/{document}/versions"): OperationAnswer(
        200, "Its versions.", shapes.VersionsListed, (404, 422)
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
        200, "How far it is.", shapes.UploadTold, (404, 410, 422), PROGRESS_TOLD
    ),
    ("patch", "/v1/uploads/{upload_id}"): OperationAnswer(
        204, "These bytes have arrived.", None, (*UPLOADS, 408, 413, 415, 460), "", TUS_OFFSET
    ),
    ("delete", "/v1/uploads/{upload_id}"): OperationAnswer(204, "It is gone.", None, UPLOADS),
    ("get", "/v1/documents"): OperationAnswer(200, "A page.", shapes.DocumentsListed, (422,)),
    ("get", "/v1/documents/{document}"): OperationAnswer(
        200, "How it fares.", shapes.DocumentFares, (404, 422), PROGRESS_TOLD
    ),
    ("delete", "/v1/documents/{document}"): OperationAnswer(
        202, "The withdrawal is on the log.", shapes.TakenDocument, (404, 410, 422)
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


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application."""
    document = get_openapi(
        title=app.title,
        version=CODE,
        summary=app.summary,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    document["info"] |= {"description": DESCRIPTION, "license": _licence()}
    document["servers"] = [{"url": "/", "description": "The gateway that serves this document."}]
    components: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method in METHODS & methods.keys():
            _describe(method, path, methods[method], components)
    _keep(TypeAdapter(shapes.AnyFrame).json_schema(ref_template=f"{SCHEMAS}{{model}}"), components)
    _keep(
        TypeAdapter(shapes.AnyProgress).json_schema(ref_template=f"{SCHEMAS}{{model}}"), components
    )
    components["Frame"] = _frame_schema("Frame", "One event of an answer.", shapes.FRAMES)
    components["ProgressFrame"] = _frame_schema(
        "ProgressFrame", "One event of an upload or a document.", shapes.PROGRESS_FRAMES
    )
    document["components"] = {
        "schemas": dict(sorted(components.items())),
        "headers": _headers(),
    }
    add_security(document)
    return document


LIMIT = ("RateLimit-Policy", "RateLimit")
LIMITED = frozenset(
    ("post", f"/v1/{path}")
    for path in ("messages", "search", "documents", "chat/completions", "responses", "embeddings")
)
"""What takes something of the limits that an operator sets."""


def _licence() -> dict[str, str]:
    return {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _headers() -> dict[str, Any]:
    return {
        "X-Request-Id": {
            "description": "The request's id on the log, where it got that far.",
            "schema": {"type": "string"},
        },
        "traceparent": {"description": "W3C trace context.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
        **{
            name: {
                "description": f"{what} (draft-ietf-httpapi-ratelimit-headers-10), where an "
                "operator set limits, of the one that is nearest its end.",
                "schema": {"type": "string"},
            }
            for name, what in (
                ("RateLimit-Policy", "A limit: its name, q, unit and window in seconds"),
                ("RateLimit", "What is left of it, and in how many seconds some is free again"),
            )
        },
        "WWW-Authenticate": {"description": "How to be let in.", "schema": {"type": "string"}},
    }


# ---------------------------------------------------------------------- one operation


def _describe(
    method: str, path: str, operation: dict[str, Any], components: dict[str, Any]
) -> None:
    """Complete an operation; raises KeyError for one that the table does not have."""
    told = ANSWERS[method, path]
    # the framework's own names repeat path and method behind the function's
    suffix = "_" + "".join(one if one.isalnum() else "_" for one in f"{path}_{method}").lstrip("_")
    operation["operationId"] = operation["operationId"].removesuffix(suffix)
    operation["tags"] = [path.removeprefix("/v1/").split("/")[0].strip("/")]
    for parameter in operation.get("parameters", ()):
        _mend(parameter)
    if "requestBody" in operation:
        for content in operation["requestBody"]["content"].values():
            schema = content["schema"]
            if schema.get("title") in EXAMPLES:
                content["example"] = EXAMPLES[schema["title"]]
            if "title" in schema:
                content["schema"] = _kept(_hoisted(schema, components), components)
    operation["responses"] = dict(_responses(method, path, told, components))


def _mend(parameter: dict[str, Any]) -> None:
    """Say of a parameter what its route holds it to: an empty default stands for none."""
    schema = parameter["schema"]
    if schema.get("default") == "":
        del schema["default"]
    if parameter["name"] == "Idempotency-Key":
        # an empty one is none
        schema["pattern"] = f"^({limits.IDEMPOTENCY_KEY.pattern})?$"
        parameter["description"] = "The same key and body are one request; another body is 422."


def _responses(
    method: str, path: str, told: OperationAnswer, components: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    is_openai = is_spoken_at(path)
    fault = described.OpenAIError if is_openai else shapes.ProblemDetails
    fault_type = JSON if is_openai else MEDIA_TYPE
    content: dict[str, Any] = {}
    if told.shape is not None:
        content[JSON] = {"schema": _shape(told.shape, components)}
    if told.streams:
        content[EVENTS] = {"schema": _event_schema(told.streams)}
    if told.downloads:
        content[BYTES] = {"schema": {"type": "string", "format": "binary"}}
    yield (
        str(told.status),
        {
            "description": told.says,
            **({"content": content} if content else {}),
            "headers": _sent(*(LIMIT if (method, path) in LIMITED else ()))
            | {name: {"schema": {"type": "string"}} for name in told.sends},
            **({"links": LINKS[method, path]} if (method, path) in LINKS else {}),
        },
    )
    problem = {fault_type: {"schema": _shape(fault, components)}}
    for status in sorted({*told.refusals, *(() if is_public(method, path) else WITH_KEY)}):
        more = {401: ("WWW-Authenticate",), 429: ("Retry-After", *LIMIT), 503: ("Retry-After",)}
        yield (
            str(status),
            {
                "description": title_of(status),
                "content": problem,
                "headers": _sent(*more.get(status, ())),
            },
        )
    yield "default", {"description": "A problem.", "content": problem, "headers": _sent()}


def _sent(*more: str) -> dict[str, Any]:
    names = ("X-Request-Id", "traceparent", *more)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


# ---------------------------------------------------------------------- schemas


def _shape(model: type[BaseModel], components: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=f"{SCHEMAS}{{model}}", mode="serialization")
    return _kept(schema, components)


def _kept(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Put a schema among the components, and refer to it."""
    rest = _keep(schema, components)
    name = rest["title"]
    if components.setdefault(name, rest) != rest:
        raise ValueError(f"two schemas are called {name}: give one of the models another title")
    return {"$ref": f"{SCHEMAS}{name}"}


def _keep(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Put the definitions within a schema among the components; returns the rest."""
    for name, one in schema.get("$defs", {}).items():
        if components.setdefault(name, one) != one:
            raise ValueError(f"two schemas are called {name}: give one of the models another name")
    return {key: value for key, value in schema.items() if key != "$defs"}


def _hoisted(value: Any, components: dict[str, Any]) -> Any:
    """Point references into a schema's own definitions to the components."""
    if isinstance(value, dict):
        return {
            key: one.replace("#/$defs/", SCHEMAS)
            if key == "$ref" and isinstance(one, str)
            else _hoisted(one, components)
            for key, one in value.items()
        }
    return [_hoisted(one, components) for one in value] if isinstance(value, list) else value


def _event_schema(told: str) -> dict[str, Any]:
    """Describe one event of a stream, as OpenAPI 3.2 does; 3.1 has no words for it."""
    named = {FRAMES_TOLD: "Frame", PROGRESS_TOLD: "ProgressFrame"}.get(told, "")
    frame = {"contentSchema": {"$ref": f"{SCHEMAS}{named}"}} if named else {}
    return {
        "type": "object",
        "description": told,
        "required": ["data"],
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string"},
            "data": {"type": "string", "contentMediaType": JSON, **frame},
        },
    }


def _frame_schema(
    title: str, description: str, frames: Mapping[str, type[BaseModel]]
) -> dict[str, Any]:
    names = {kind: model.__name__ for kind, model in frames.items()}
    return {
        "title": title,
        "description": description,
        "oneOf": [{"$ref": f"{SCHEMAS}{name}"} for name in names.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind: f"{SCHEMAS}{name}" for kind, name in names.items()},
        },
    }
