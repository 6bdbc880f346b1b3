"""The schemas of an archive, in a registry under the very ids that its records name.

Why it is so: a record begins with the id of its schema, and effects within it hold ids of their
own, under digests. So values can't be rewritten for another registry; the registry has to give the
same ids. A registry gives ids away by itself, but two kinds can be told them: Confluent's takes an
id with a schema while it is in import mode, Apicurio takes an export of itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx2

from replay.archive import BadArchive
from schemas.definitions import same_records
from schemas.registry import COMPATIBILITY, Registry, RegistryAway, UnknownSchema
from streams.log.subjects import open_registry, subjects
from streams.settings import Settings

ANSWER_S = 60.0  # for a registry to take a hundred schemas at once
CONFLUENT_API = "/apis/ccompat/"  # what Apicurio serves Confluent's interface under
EMPTY_REGISTRY = "`playhead up --only kafka,registry --no-setup` starts an empty one"


class ArchivedSchema(NamedTuple):
    """A schema that a registry is to hold."""

    id: int
    subject: str
    version: int
    """Which of its subject's it is, from 1, in the order of the ids."""
    text: str


def import_schemas(
    settings: Settings,
    definitions: Mapping[int, dict[str, Any]],
    registry: Registry | None = None,
) -> int:
    """Have the registry know every definition under its id; returns how many were new to it.

    Raises BadArchive where it knows another one under such an id, or takes none with its id;
    RegistryAway. May be repeated: what it knows already stays as it is.
    """
    registry = registry or open_registry(settings)
    absent = _absent(registry, definitions)
    url = settings.registry.rstrip("/")
    archived = list(_numbered(definitions))
    wanted = [schema for schema in archived if schema.id in absent]
    with httpx2.Client(timeout=ANSWER_S) as client:
        ask = _asking(client, url)
        if wanted and not _by_import_mode(ask, url, wanted):
            _by_export_of_its_own(ask, url, wanted)
        for subject in sorted({schema.subject for schema in archived}):
            # an import that was cut off may have left its mode, in which nobody registers anything
            _set_mode(ask, url, subject, "READWRITE")
            ask("PUT", f"{url}/config/{subject}", json={"compatibility": COMPATIBILITY})
    if left := sorted(_absent(registry, definitions)):
        raise BadArchive(
            f"the registry at {url} does not take schemas with their ids ({left[0]}, say), and "
            f"records name them: import into an empty registry of Confluent or Apicurio; "
            f"{EMPTY_REGISTRY}"
        )
    return len(absent)


def _absent(registry: Registry, definitions: Mapping[int, dict[str, Any]]) -> set[int]:
    """Return the ids that the registry does not know; raises BadArchive for another's."""
    absent = set()
    for schema_id, definition in definitions.items():
        try:
            known = registry.definition_of(schema_id)
        except UnknownSchema:
            absent.add(schema_id)
            continue
        if known != definition and not same_records(known, definition):
            raise BadArchive(
                f"the registry holds {known.get('name')} under the id {schema_id}, the archive "
                f"{definition.get('name')}: nothing was imported; {EMPTY_REGISTRY}"
            )
    return absent


def _numbered(definitions: Mapping[int, dict[str, Any]]) -> Iterator[ArchivedSchema]:
    """Give each definition its subjects, and its place among their versions."""
    by_record: dict[str, list[str]] = {}
    for subject, record in subjects().items():
        by_record.setdefault(record, []).append(subject)
    versions: dict[str, int] = {}
    for schema_id, definition in sorted(definitions.items()):
        record = str(definition.get("name"))
        for subject in by_record.get(record, [f"playhead.archived.{record}"]):
            versions[subject] = versions.get(subject, 0) + 1
            yield ArchivedSchema(schema_id, subject, versions[subject], json.dumps(definition))


AskRegistry = Callable[..., int]
"""Method, URL and what httpx takes -> the status of the answer."""


def _asking(client: httpx2.Client, url: str) -> AskRegistry:
    def ask(method: str, address: str, **body: Any) -> int:
        try:
            return client.request(method, address, **body).status_code
        except httpx2.HTTPError as error:
            raise RegistryAway(
                f"the schema registry at {url} does not answer ({type(error).__name__}): "
                "`playhead status` tells whether it is up"
            ) from error

    return ask


def _by_import_mode(ask: AskRegistry, url: str, wanted: list[ArchivedSchema]) -> bool:
    """Hand schemas over with their ids, as Confluent's registry takes them; False where it can't.

    Its mode is that of each subject, and is put back.
    """
    for schema in wanted:
        if _set_mode(ask, url, schema.subject, "IMPORT") >= 400:
            return False
        try:
            body = {"schema": schema.text, "schemaType": "AVRO", "id": schema.id}
            ask(
                "POST",
                f"{url}/subjects/{schema.subject}/versions",
                json={**body, "version": schema.version},
            )
        finally:
            _set_mode(ask, url, schema.subject, "READWRITE")
    return True


def _set_mode(ask: AskRegistry, url: str, subject: str, mode: str) -> int:
    """Change how Confluent's registry takes schemas of a subject; another one refuses that."""
    return ask("PUT", f"{url}/mode/{subject}", params={"force": "true"}, json={"mode": mode})


def _by_export_of_its_own(ask: AskRegistry, url: str, wanted: list[ArchivedSchema]) -> None:
    """Hand schemas over as an export of Apicurio, which keeps ids when it is imported."""
    base, api, _ = url.partition(CONFLUENT_API)
    if not api:
        return
    ask(
        "POST",
        f"{base}/apis/registry/v2/admin/import",
        content=_export_of(wanted),
        headers={"Content-Type": "application/zip"},
    )


def _export_of(wanted: list[ArchivedSchema]) -> bytes:
    """Write what Apicurio 2 exports: a manifest, contents by their hash, versions of artifacts.

    Ids of records are those of contents; one of a version has a number of its own.
    """
    newest = {schema.subject: schema.version for schema in wanted}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as export:

        def add(path: str, entry: Mapping[str, Any]) -> None:
            export.writestr(path, json.dumps(entry))

        manifest = {"systemName": "playhead", "systemVersion": "2.6", "exportVersion": "1.0"}
        add("manifest.Manifest.json", {**manifest, "exportedOn": 0, "exportedBy": ""})
        contents = {schema.id: schema.text for schema in wanted}
        for schema_id, text in contents.items():
            digest = hashlib.sha256(text.encode()).hexdigest()
            hashes = {"canonicalHash": digest, "contentHash": digest}
            about = {"contentId": schema_id, "artifactType": None, "serializedReferences": None}
            add(f"content/{digest}.Content.json", {**about, **hashes})
            export.writestr(f"content/{digest}.Content.data", text)
        for number, schema in enumerate(wanted, start=1):
            folder = f"groups/default/artifacts/{schema.subject}"
            add(
                f"{folder}/versions/{schema.version}.ArtifactVersion.json",
                {
                    "globalId": number,
                    "groupId": None,
                    "artifactId": schema.subject,
                    "version": str(schema.version),
                    "versionId": schema.version,
                    "artifactType": "AVRO",
                    "state": "ENABLED",
                    "name": json.loads(schema.text).get("name"),
                    "description": None,
                    "createdBy": "",
                    "createdOn": 0,
                    "labels": None,
                    "properties": None,
                    "isLatest": schema.version == newest[schema.subject],
                    "contentId": schema.id,
                },
            )
    return packed.getvalue()
