"""The AsyncAPI document: the topics of the log and the WebSocket of the chat, as code has them.

It follows from the topology, the Avro definitions and the models of frames, so it can't lag behind
them; the same document stands in docs/asyncapi.json, where `make check` compares it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from edge.protocols.frame_shapes import FRAMES
from edge.protocols.websocket.client_frames import KINDS
from edge.protocols.websocket.handshake import KEY_PROTOCOL, PROTOCOL
from schemas import Record
from schemas.definitions import definitions, self_contained
from streams.log.setup import topic_configuration
from streams.topics import FOLDS, INBOX, REQUESTS, STEPS, TOPICS, Topic, group_of, topic_of
from streams.version import CODE

AVRO = "application/vnd.apache.avro+json;version=1.9.0"
JSON_SCHEMA = "application/schema+json;version=draft-07"
CHAT = "chat"
REPLICAS = 3
"""Of production, as in infra/kafka/topics.yaml."""
DESCRIPTION = (
    "Every step reads facts from topics and writes facts to topics; a value is Avro in Confluent's "
    "wire format, and the schema of each topic is registered under the topic's name and `-value`. "
    "The gateway tells readers of a chat what comes over a WebSocket."
)


def asyncapi_document() -> dict[str, Any]:
    """Return the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Playhead",
            "version": CODE,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": _servers(),
        "channels": {**{_name(one.record): _topic(one) for one in TOPICS}, CHAT: _chat()},
        "operations": dict(_operations()),
        "components": {
            "messages": {
                **{one.record.SCHEMA: _message(one.record) for one in TOPICS},
                **dict(_frames()),
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `playhead keys create`. A browser can't set the "
                    f"header: it sends the subprotocols `{PROTOCOL}` and `{KEY_PROTOCOL}KEY`.",
                }
            },
            "correlationIds": {
                "request": {
                    "location": "$message.header#/request",
                    "description": "The request id given at the edge: all that follows has it.",
                }
            },
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "log": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "The brokers.",
            "variables": {"bootstrap": {"default": "127.0.0.1:9092"}},
            "bindings": {"kafka": {"schemaRegistryVendor": "confluent", "bindingVersion": "0.5.0"}},
        },
        "gateway": {
            "host": "{address}",
            "protocol": "wss",
            "description": "The gateway.",
            "variables": {"address": {"default": "127.0.0.1:8000"}},
            "security": [{"$ref": "#/components/securitySchemes/key"}],
        },
    }


def _name(record: type[Record]) -> str:
    return record.SCHEMA[0].lower() + record.SCHEMA[1:]


def _ref(record: type[Record]) -> dict[str, str]:
    return {"$ref": f"#/channels/{_name(record)}"}


# ---------------------------------------------------------------------- the log


def _topic(topic: Topic) -> dict[str, Any]:
    record = topic.record
    lanes = "a lane of the tenant's" if topic.partitioned else "its only partition"
    told = topic_configuration(topic, REPLICAS)
    return {
        "address": topic.name,
        "title": record.SCHEMA,
        "description": f"{definitions()[record.SCHEMA]['doc']} Each record lies in {lanes}.",
        "servers": [{"$ref": "#/servers/log"}],
        "messages": {record.SCHEMA: {"$ref": f"#/components/messages/{record.SCHEMA}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                **({} if topic.partitioned else {"partitions": 1}),
                "replicas": REPLICAS,
                "topicConfiguration": {
                    "cleanup.policy": told["cleanup.policy"].split(","),
                    "retention.ms": int(told["retention.ms"]),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(record: type[Record]) -> dict[str, Any]:
    definition = definitions()[record.SCHEMA]
    return {
        "name": record.SCHEMA,
        "title": record.SCHEMA,
        "summary": definition["doc"],
        "contentType": "application/vnd.apache.avro",
        "headers": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "The record's id."},
                "request": {"type": "string", "description": "The request's id."},
                "traceparent": {"type": "string", "description": "W3C trace context."},
            },
        },
        "correlationId": {"$ref": "#/components/correlationIds/request"},
        "payload": {"schemaFormat": AVRO, "schema": self_contained(record.SCHEMA)},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The tenant."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicNameStrategy",
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each step receives and sends, what the edge sends, and what chats are."""
    for topic in (*REQUESTS, *INBOX):
        by = "Foreign producers" if topic in INBOX else "The edge"
        yield f"edge.send.{_name(topic.record)}", _operation("send", topic.record, by)
    for step in STEPS:
        for record in step.reads:
            name = f"{step.name}.receive.{_name(record)}"
            yield name, _operation("receive", record, f"The step {step.name}", step.name)
        for record in step.writes:
            yield (
                f"{step.name}.send.{_name(record)}",
                _operation("send", record, f"The step {step.name}"),
            )
    for fold in FOLDS:
        name = f"{fold.name}.receive.{_name(fold.reads)}"
        by = f"The table {fold.table}, beside {fold.beside},"
        yield name, _operation("receive", fold.reads, by, fold.beside)
    for action, kinds in (("receive", KINDS), ("send", FRAMES)):
        yield (
            f"gateway.{action}.{CHAT}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{CHAT}"},
                "summary": f"The gateway {action}s frames of a chat.",
                "messages": [
                    {"$ref": f"#/channels/{CHAT}/messages/{_frame_name(action, kind)}"}
                    for kind in kinds
                ],
            },
        )


def _operation(action: str, record: type[Record], by: str, group: str = "") -> dict[str, Any]:
    binding = {
        "groupId": {"type": "string", "enum": [group_of(group)]},
        "bindingVersion": "0.5.0",
    }
    return {
        "action": action,
        "channel": _ref(record),
        "summary": f"{by} {action}s {topic_of(record)}.",
        "messages": [{"$ref": f"#/channels/{_name(record)}/messages/{record.SCHEMA}"}],
        **({"bindings": {"kafka": binding}} if group else {}),
    }


# ---------------------------------------------------------------------- the chat


def _chat() -> dict[str, Any]:
    names = [_frame_name("receive", kind) for kind in KINDS]
    names += [_frame_name("send", kind) for kind in FRAMES]
    return {
        "address": "/v1/chat",
        "title": "Chat",
        "description": "Questions and their answers, several at once; JSON in text frames. Whoever "
        "comes back resumes with the last cursor and gets all that came after it, once.",
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _frame_name(action: str, kind: str) -> str:
    return f"{'client' if action == 'receive' else 'gateway'}.{kind}"


def _frames() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, model in KINDS.items():
        yield _frame_name("receive", kind), _frame(kind, model)
    for kind, shape in FRAMES.items():
        yield _frame_name("send", kind), _frame(kind, shape)


def _frame(kind: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = inlined(model.model_json_schema())
    properties: Mapping[str, Any] = {"type": {"const": kind}, **schema["properties"]}
    required = ["type", *(name for name in schema.get("required", ()) if name != "type")]
    return {
        "name": kind,
        "title": model.__name__,
        "summary": schema["description"],
        "contentType": "application/json",
        "payload": {
            "schemaFormat": JSON_SCHEMA,
            "schema": {**schema, "properties": dict(properties), "required": required},
        },
    }


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put a schema's own definitions where they are referred to: it is a part of a document here.

    None of them may refer to itself.
    """
    own = schema.get("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, list):
            return [put(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return put(own[value["$ref"].removeprefix("#/$defs/")])
        return {key: put(one) for key, one in value.items() if key != "$defs"}

    whole: dict[str, Any] = put(schema)
    return whole
