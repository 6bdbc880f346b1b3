"""Whatever dlt reads as a source: a function of a file that gives a resource, or any rows.

The file is code of the operator: it is run only from the folder that PLAYHEAD_SOURCES_CODE names,
so that who may write to the log can't have just anything run. A resource is iterated here and not
run as a pipeline: nothing is loaded anywhere but into Playhead, and the log says what was seen.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from connectors.sources.findings import KnownVersions, SourceAway, SourceFinding
from connectors.sources.source_rows import (
    BadRows,
    CursorWatch,
    Row,
    RowShape,
    cursor_value,
    documents_of,
)

SINCE = "since"
"""What a function may be told: the highest value of the cursor column that was read before."""
WORDS_MAX = 300  # characters of what somebody's code says


class ResourceSource:
    """The rows that a function gives."""

    def __init__(
        self,
        file: Path,
        function: str,
        code_folder: str,
        shape: RowShape,
        *,
        arguments: Mapping[str, str],
        secrets: Mapping[str, str] | None = None,
        cursor: str = "",
        full: bool = False,
    ) -> None:
        """`code_folder` is where the file must be; the function gets `arguments` and `secrets`."""
        self._file, self._function, self._code_folder = file, function, code_folder
        self._shape, self._secrets = shape, dict(secrets or {})
        self._arguments = {**arguments, **self._secrets}
        self._column, self._full = cursor, full
        self.absence_tells = True
        self.incomplete = ""
        self.cursor = ""

    def expected(self) -> int | None:
        """Tell nothing: rows are known by reading them."""
        return None

    def found(self, _known: KnownVersions, cursor: str) -> Iterator[SourceFinding]:
        """Read the rows; raises SourceAway where the code can't be run, or fails at once."""
        since = "" if self._full else cursor
        if since:
            self.incomplete = f"rows from {cursor_value(since)} on alone were read"
        any_row = False
        watch = CursorWatch(self._column, since) if self._column else None
        try:
            rows = rows_of(self._resource(since))
            for finding in documents_of(watch.over(rows) if watch else rows, self._shape):
                any_row = True
                yield finding
            if watch is not None:
                self.cursor = watch.text
        except BadRows as error:
            raise SourceAway(str(error)) from None
        except SourceAway:
            raise
        except Exception as error:  # noqa: BLE001 - the operator's own code may raise anything
            said = f"{type(error).__name__}: {self._words(error)}"
            if not any_row:
                raise SourceAway(f"{self._file.name} failed: {said}") from None
            self.incomplete = f"{self._file.name} broke off: {said}"

    def _words(self, error: Exception) -> str:
        """Say in one short line what somebody's code says, without the credentials it was given."""
        said = str(error)
        for secret in sorted(self._secrets.values(), key=len, reverse=True):
            for spelled in (secret, quote(secret, safe=""), quote_plus(secret)):
                said = said.replace(spelled, "…")
        return " ".join(said.split())[:WORDS_MAX]

    def _resource(self, since: str) -> Any:
        folder = Path(self._code_folder).resolve() if self._code_folder else None
        file = self._file.resolve()
        if folder is None or not file.is_relative_to(folder):
            raise SourceAway(
                f"code is run from the folder of PLAYHEAD_SOURCES_CODE alone: set it to one that "
                f"{file} lies in"
            )
        os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # before dlt is imported
        spec = importlib.util.spec_from_file_location("playhead_source_code", file)
        if spec is None or spec.loader is None or not file.is_file():
            raise SourceAway(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ModuleNotFoundError as error:
            raise SourceAway(
                f"{file.name} needs {error.name}: install it (dlt comes with "
                "pip install 'playhead[dlt]')"
            ) from None
        made = getattr(module, self._function, None)
        if made is None:
            raise SourceAway(f"{file.name} has no {self._function}")
        # dlt's resources are callable, and are rows as they are too
        if not callable(made) or (hasattr(made, "apply_hints") and not self._arguments):
            return made
        given: dict[str, Any] = dict(self._arguments)
        if since and SINCE in inspect.signature(made).parameters:
            given[SINCE] = cursor_value(since)
        return made(**given)


def rows_of(resource: Any) -> Iterator[Row]:
    """Yield the rows of a resource, which may come in lists; raises BadRows for anything else."""
    if not hasattr(resource, "__iter__") or inspect.isclass(resource):
        raise BadRows(f"it gives a {type(resource).__name__}, not rows: return a dlt resource")
    for item in resource:
        for row in item if isinstance(item, list | tuple) else (item,):
            if not isinstance(row, Mapping):
                raise BadRows(
                    f"it gives a {type(row).__name__}, not rows: yield mappings of columns"
                )
            yield row
