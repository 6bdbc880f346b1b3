"""The shapes of OpenLineage's events (spec 2-0-2) and of the facets that are used here.

Source: https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets beside it. Times, names,
ids and counts; never a text, nor whose it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from streams.log.ids import NAMESPACE

PRODUCER = "urn:playhead"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
FACETS = "https://openlineage.io/spec/facets"
EPOCH_US = 1_000_000
RunState = Literal["START", "COMPLETE", "FAIL", "ABORT"]
Shape = dict[str, Any]


def run_id(namespace: str, request: str) -> str:
    """Name the run of a request: sent twice, it is the same run."""
    return str(uuid.uuid5(NAMESPACE, f"lineage|{namespace}|{request}"))


def run_event(
    state: RunState, at_us: int, run: Shape, job: Shape, datasets: tuple[list[Shape], list[Shape]]
) -> Shape:
    """Make an event; `datasets` are those that were read, and those that were written."""
    inputs, outputs = datasets
    return {
        "eventType": state,
        "eventTime": moment_of(at_us),
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/RunEvent",
    }


def moment_of(at_us: int) -> str:
    """Spell a time of the log; any number is one there."""
    seconds, micros = divmod(at_us, EPOCH_US)
    try:
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    except (OverflowError, ValueError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def facet(name: str, version: str, /, **fields: Any) -> Shape:
    """Make a facet, by the name and version of its schema."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{FACETS}/{version}/{name}.json#/$defs/{name}",
        **fields,
    }


def documentation(description: str) -> Shape:
    """Say what a job does."""
    return facet("DocumentationJobFacet", "1-1-0", description=description)


def job_type() -> Shape:
    """Say that each run has a beginning and an end."""
    return facet(
        "JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="PLAYHEAD", jobType="JOB"
    )


def engine(version: str) -> Shape:
    """Say which code wrote the records."""
    return facet("ProcessingEngineRunFacet", "1-1-1", version=version, name="Playhead")


def tags(named: Mapping[str, str]) -> Shape:
    """Name what leads back to the log."""
    rows = [{"key": key, "value": value, "source": "PLAYHEAD"} for key, value in named.items()]
    return facet("TagsRunFacet", "1-0-0", tags=rows)


def error_message(message: str) -> Shape:
    """Say why a run failed."""
    return facet("ErrorMessageRunFacet", "1-0-1", message=message, programmingLanguage="PYTHON")


def dataset_version(version: int) -> Shape:
    """Say which version of a dataset it is."""
    return facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=str(version))


def schema(names: Iterable[str]) -> Shape:
    """Name the fields of a document's metadata; their values stay where they are."""
    fields = [{"name": name, "type": "string"} for name in sorted(names)]
    return facet("SchemaDatasetFacet", "1-2-0", fields=fields)


def data_source(name: str, uri: str) -> Shape:
    """Say where a dataset lies."""
    return facet("DatasourceDatasetFacet", "1-0-1", name=name, uri=uri)


def life_cycle(change: str) -> Shape:
    """Say what became of a dataset."""
    return facet("LifecycleStateChangeDatasetFacet", "1-0-1", lifecycleStateChange=change)


def rows_written(count: int) -> Shape:
    """Count what was written."""
    return facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=count)


def source_name(uri: str, otherwise: tuple[str, str]) -> tuple[str, str]:
    """Name a document where it came from, as OpenLineage names datasets: namespace and name.

    `otherwise` is its name here: for what is no address, and for one with a user, a password or a
    query in it, which may hold secrets.
    """
    try:
        parts = urlsplit(uri)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return otherwise
    if not parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        return otherwise
    if parts.scheme == "file" and not parts.netloc:
        return "file", parts.path
    if not parts.scheme or not parts.hostname:
        return otherwise
    bucket = parts.scheme in {"s3", "gs", "wasbs", "abfss"}
    path = parts.path.lstrip("/") if bucket else parts.path
    return f"{parts.scheme}://{parts.hostname}{port}", path


def dataset(place: Sequence[str], facets: Shape, **others: Any) -> Shape:
    """Make a dataset of a namespace and a name."""
    namespace, name = place
    return {"namespace": namespace, "name": name, "facets": facets, **others}
