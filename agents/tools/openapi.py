"""OpenAPI: the part of 3.x that tools are made of.

Of a document: `servers` (the first, without variables), `paths` with get, post, put, patch and
delete, `operationId`, `parameters` in path and query of plain types, a JSON body by schema, JSON
responses, and `$ref` within the document. What an operation needs beyond that is refused by its
place, when the operation is used; what is not used is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from agents.errors import Permanent

METHODS = ("get", "post", "put", "patch", "delete")
PLAIN = ("string", "integer", "number", "boolean")
NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")
"""What models may call a tool."""
VALUES_MAX = 5_000  # of a schema once its references are followed
DEPTH_MAX = 24
DESCRIPTION_MAX = 400  # characters of what a model reads of an operation
BODY = "body"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Operation:
    """One operation of an interface, as a tool."""

    name: str
    description: str
    method: str
    server: str
    """Its address, without a slash at the end."""
    path: str
    places: Mapping[str, str]
    """Parameter -> path or query."""
    parameters: Mapping[str, Any]
    """JSON schema of the arguments: its parameters by name, and `body`."""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        place = urlsplit(self.server)
        host = f"[{place.hostname}]" if ":" in (place.hostname or "") else place.hostname
        return f"{place.scheme}://{host}:{place.port or PORTS[place.scheme]}"

    def url(self, arguments: Mapping[str, Any]) -> str:
        """Put arguments in their places; raises ValueError for one that would lead elsewhere."""
        path = self.path
        query = []
        for name, place in self.places.items():
            if name not in arguments:
                continue
            text = _spelt(arguments[name])
            if place == "query":
                query.append((name, text))
            elif text in ("", ".", ".."):
                raise ValueError(f"{name} can't be {text!r} in a path")
            else:
                path = path.replace("{" + name + "}", quote(text, safe=""))
        return f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")

    def body(self, arguments: Mapping[str, Any]) -> str:
        """Spell the body; empty for none."""
        if BODY not in arguments:
            return ""
        return json.dumps(arguments[BODY], sort_keys=True, separators=(",", ":"))


def operations_of(document: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Operation]:
    """Read the operations that are wanted; raises Permanent that names what can't be used."""
    version = str(document.get("openapi", ""))
    if not version.startswith("3."):
        raise _unusable("openapi", "it must be 3.x")
    for path, item in _object(document.get("paths", {}), "paths").items():
        for method in METHODS:
            operation = _object(item, f"paths.{path}").get(method)
            if operation is None or operation.get("operationId") not in wanted:
                continue
            yield _OperationReader(document, f"paths.{path}.{method}").operation(path, method, item)


class _OperationReader:
    """Reads one operation; follows references within the document, and counts what it reads."""

    def __init__(self, document: Mapping[str, Any], place: str) -> None:
        self._document = document
        self._place = place
        self._left = VALUES_MAX

    def operation(self, path: str, method: str, item: Mapping[str, Any]) -> Operation:
        """Read it; `item` is what stands under its path."""
        told = item[method]
        name = told["operationId"]
        if not isinstance(name, str) or not NAME.match(name):
            raise self._unusable("operationId", "1 to 64 letters, digits, _ or -")
        if not path.startswith("/"):
            raise self._unusable("path", "it must begin with /")
        properties: dict[str, Any] = {}
        places: dict[str, str] = {}
        required: list[str] = []
        for parameter in (*item.get("parameters", ()), *told.get("parameters", ())):
            self._parameter(self._followed(parameter), properties, places, required)
        inserted = {name for name, place in places.items() if place == "path"}
        if set(re.findall(r"\{([^{}]*)\}", path)) != inserted:
            raise self._unusable("parameters", "those in the path are not those of `parameters`")
        if "requestBody" in told:
            self._body(self._followed(told["requestBody"]), properties, required)
        self._responses(told.get("responses", {}))
        return Operation(
            name=name,
            description=str(told.get("summary") or told.get("description") or name)[
                :DESCRIPTION_MAX
            ],
            method=method.upper(),
            server=self._server(),
            path=path,
            places=places,
            parameters={
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            },
        )

    def _server(self) -> str:
        servers = self._document.get("servers") or [{}]
        url = str(servers[0].get("url", ""))
        place = urlsplit(url)
        try:
            usable = place.scheme in PORTS and bool(place.hostname) and (place.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or "{" in url or "@" in place.netloc or place.query or place.fragment:
            raise self._unusable("servers", "the first must be http(s)://HOST, without variables")
        return url.rstrip("/")

    def _parameter(
        self,
        told: Mapping[str, Any],
        properties: dict[str, Any],
        places: dict[str, str],
        required: list[str],
    ) -> None:
        name, place = str(told.get("name", "")), told.get("in")
        schema = self._resolved(told.get("schema", {}))
        if place not in ("path", "query"):
            if told.get("required"):
                raise self._unusable(f"parameters.{name}", f"none can be sent in {place}")
            return
        if name == BODY or not name:
            raise self._unusable(f"parameters.{name}", "it needs another name")
        plain = isinstance(schema, dict) and schema.get("type") in PLAIN
        if not plain or told.get("allowReserved") or "content" in told:
            raise self._unusable(f"parameters.{name}", f"its type must be one of {PLAIN}")
        if told.get("style", {"path": "simple", "query": "form"}[place]) not in ("simple", "form"):
            raise self._unusable(f"parameters.{name}", "its style can't be sent")
        described = {"description": told["description"]} if told.get("description") else {}
        properties[name] = {**described, **schema}
        places[name] = place
        if (told.get("required") or place == "path") and name not in required:
            required.append(name)

    def _body(
        self, told: Mapping[str, Any], properties: dict[str, Any], required: list[str]
    ) -> None:
        media = _object(told.get("content", {}), self._place).get("application/json")
        if media is None:
            raise self._unusable("requestBody", "it must be application/json")
        properties[BODY] = self._resolved(media.get("schema", {}))
        if told.get("required"):
            required.append(BODY)

    def _responses(self, told: Mapping[str, Any]) -> None:
        for status, response in told.items():
            content = self._followed(response).get("content")
            if str(status).startswith("2") and content and "application/json" not in content:
                raise self._unusable(f"responses.{status}", "it must be application/json")

    def _followed(self, told: Any) -> Mapping[str, Any]:
        """Return what is told, or what its reference points to."""
        for _ in range(DEPTH_MAX):
            told = _object(told, self._place)
            if "$ref" not in told:
                return told  # type: ignore[no-any-return]
            told = self._target(told["$ref"])
        raise self._unusable("$ref", "it leads in a circle")

    def _target(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self._unusable("$ref", "it must lead into the document: #/...")
        found: Any = self._document
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise self._unusable("$ref", f"there is no {reference[:80]}")
            found = found[key]
        return found

    def _resolved(self, value: Any, depth: int = 0) -> Any:
        """Return a schema with its references followed, within the bounds."""
        self._left -= 1
        if self._left < 0 or depth > DEPTH_MAX:
            raise self._unusable("schema", "it is too large, or refers to itself")
        if isinstance(value, Mapping):
            if "$ref" in value:
                return self._resolved(self._target(value["$ref"]), depth + 1)
            return {key: self._resolved(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._resolved(inner, depth + 1) for inner in value]
        return value

    def _unusable(self, what: str, why: str) -> Permanent:
        return _unusable(f"{self._place}.{what}", why)


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _unusable(place, "it must be an object")
    return value


def _unusable(place: str, why: str) -> Permanent:
    return Permanent(f"an interface can't be used: {place}: {why}; see docs/how-to/tools.md")


def _spelt(value: Any) -> str:
    """Spell a plain value as it stands in an address."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
