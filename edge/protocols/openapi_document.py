"""The OpenAPI document: addresses and parameters as the routes have them, and what they answer.

The framework knows of a route what it takes. What it answers, with which problems and for which
keys, stands in a table (`operation_answers`); a test holds that no route is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from edge.problems import MEDIA_TYPE, title_of
from edge.protocols import answer_shapes as shapes
from edge.protocols import document_shapes as handed_in
from edge.protocols import frame_shapes as framed
from edge.protocols.http.described_security import add_security, is_public
from edge.protocols.openai import described
from edge.protocols.openai.openai_shape import is_spoken_at
from edge.protocols.operation_answers import (
    ANSWERS,
    EXAMPLES,
    FRAMES_TOLD,
    LINKS,
    PROGRESS_TOLD,
    WITH_KEY,
    OperationAnswer,
)
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
    kinds: tuple[TypeAdapter[Any], ...] = (
        TypeAdapter(framed.AnyFrame),
        TypeAdapter(handed_in.AnyProgress),
    )
    for kind in kinds:
        _keep(kind.json_schema(ref_template=f"{SCHEMAS}{{model}}"), components)
    components["Frame"] = _frame_schema("Frame", "One event of an answer.", framed.FRAMES)
    components["ProgressFrame"] = _frame_schema(
        "ProgressFrame", "One event of an upload or a document.", handed_in.PROGRESS_FRAMES
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
