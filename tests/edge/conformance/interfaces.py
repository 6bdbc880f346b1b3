"""Hold the documents of the interfaces against their own standards: `python -m tests.edge.conformance.interfaces`.

OpenAPI has a validator on PyPI. AsyncAPI's validators are programs for Node; what they hold a document against is the
JSON Schema of its specification, which lies beside this file as the npm package @asyncapi/specs 6.11.1 has it
(schemas/3.0.0.json, Apache-2.0).
"""

import hashlib
import json
import sys
import tempfile
from functools import cache
from pathlib import Path

import jsonschema
import openapi_spec_validator

from edge.protocols.asyncapi_document import asyncapi_document
from edge.protocols.openapi_document import openapi_document

ASYNCAPI_SCHEMA = Path(__file__).parent / "asyncapi-3.0.0.json"
ASYNCAPI_SHA256 = "d4571a420e6ffb7fcc7066c95a6db1202f299a3c51daa103d0706bf30f95e626"


@cache
def asyncapi_validator():
    content = ASYNCAPI_SCHEMA.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != ASYNCAPI_SHA256:
        raise ValueError(
            f"{ASYNCAPI_SCHEMA.name} was changed: it is {found}, not that of the specification"
        )
    return jsonschema.Draft7Validator(json.loads(content))


def asyncapi_faults(document):
    """Tell what is wrong with an AsyncAPI document, one by one: what no schema says, then by the specification's own."""
    for ref in refs_in(document):
        if not is_there(document, ref):
            yield f"{ref}: nothing is there"
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"]
        strangers = [
            one["$ref"]
            for one in operation["messages"]
            if not one["$ref"].startswith(f"{channel}/")
        ]
        yield from (f"operations.{name}: {one} is no message of {channel}" for one in strangers)
    for error in asyncapi_validator().iter_errors(document):
        yield f"{error.json_path}: {error.message[:300]}"


def openapi_faults(document):
    """List what is wrong with an OpenAPI document."""
    validator = openapi_spec_validator.OpenAPIV31SpecValidator(document)
    faults = [
        f"{'.'.join(map(str, error.path))}: {error.message[:300]}"
        for error in validator.iter_errors()
    ]
    return faults + [
        f"{ref}: nothing is there" for ref in refs_in(document) if not is_there(document, ref)
    ]


def refs_in(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from refs_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from refs_in(one)


def is_there(document, ref):
    place = document
    for part in ref.removeprefix("#/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, dict) or name not in place:
            return False
        place = place[name]
    return True


def served_openapi():
    """Return the OpenAPI document of an application as it is served."""
    from edge.protocols.http.app import create_app
    from tests.edge.fake_log import FakeLog, a_gateway

    with tempfile.TemporaryDirectory() as folder:
        return openapi_document(create_app(a_gateway(Path(folder), FakeLog())))


def main():
    faults = [f"openapi.json: {one}" for one in openapi_faults(served_openapi())]
    faults += [f"asyncapi.json: {one}" for one in asyncapi_faults(asyncapi_document())]
    sys.stderr.write("".join(f"{one}\n" for one in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
