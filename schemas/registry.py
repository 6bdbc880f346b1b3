"""Which schema id stands for which definition: the registry, or a fixed set out of an archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ParamSpec, Protocol, TypeVar

from schemas.definitions import same_records, self_contained
from schemas.foreign import TEXT_CHARACTERS_MAX

COMPATIBILITY = "FULL_TRANSITIVE"
REQUEST_TIMEOUT_S = 10  # a registry that hangs must look like one that is away
RETRY_WAIT_MAX_MS = 1_000  # of the client's three retries: who asked tries again for longer
SCHEMA_ID_MAX = 2**31 - 1  # registries number with signed 32-bit integers
NO_ANSWER = frozenset({401, 403, 408, 429})  # that say nothing about a schema, as 3xx and 5xx do
REFUSED = {
    401: "it does not know us by this name and password, PLAYHEAD_REGISTRY_USER and its file",
    403: "who we are there may not do this",
}
ANONYMOUS: Mapping[str, str] = {}
ArgumentsT = ParamSpec("ArgumentsT")
AnswerT = TypeVar("AnswerT")


class UnknownSchema(LookupError):
    """A schema id that the registry, or the archive, does not know."""


class RegistryAway(ConnectionError):
    """The registry can't be reached, or contradicts itself; it may be tried again."""


class IncompatibleSchema(ValueError):
    """Our definition does not fit a version that was registered before."""


class SchemaIds(Protocol):
    """Both directions between schema ids and definitions."""

    def id_of(self, record: str) -> int:
        """Return the id of our definition of a record; raises UnknownSchema if never registered."""

    def definition_of(self, schema_id: int) -> dict[str, Any]:
        """Return the self-contained definition behind an id; raises UnknownSchema."""


@cache
def _ours(record: str) -> dict[str, Any]:
    """Return our definition of a record: one for all, which nobody changes."""
    return self_contained(record)


class FixedIds:
    """Schema ids that are known beforehand: those of an archive, or of a test."""

    def __init__(self, definitions: Mapping[int, dict[str, Any]], ids: Mapping[str, int]) -> None:
        self._definitions = dict(definitions)
        self._ids = dict(ids)

    @classmethod
    def numbered(cls, records: Iterable[str]) -> FixedIds:
        """Give our own definitions the ids 1, 2, … in the order given."""
        ids = {name: number for number, name in enumerate(records, start=1)}
        return cls({number: _ours(name) for name, number in ids.items()}, ids)

    def id_of(self, record: str) -> int:
        """Return the id of our definition of a record; raises UnknownSchema if it has none."""
        try:
            return self._ids[record]
        except KeyError:
            raise UnknownSchema(f"no schema id for {record} in this archive") from None

    def definition_of(self, schema_id: int) -> dict[str, Any]:
        """Return the definition behind an id; raises UnknownSchema."""
        try:
            return self._definitions[schema_id]
        except KeyError:
            raise UnknownSchema(f"no schema with id {schema_id} in this archive") from None


class Registry:
    """Schema ids of a Confluent-compatible registry.

    An id never changes its meaning, but what a registry says of it once may be a mistake: of a
    proxy, or of one that lags or came back from a backup. An id is taken for ours, and kept for
    good, when both directions say so; then a registry that is away stops nothing. Whatever else it
    says is asked for anew: `streams.log.codec` keeps what it could read records by.
    """

    def __init__(
        self,
        url: str,
        retry_wait_max_ms: int = RETRY_WAIT_MAX_MS,
        *,
        access: Mapping[str, str] = ANONYMOUS,
        fault: Callable[[str], str] = lambda _words: "",
    ) -> None:
        """`access` is what the client needs to be let in, by its own names.

        `fault` says in a sentence what the words of an error about TLS mean, or nothing.
        """
        # half of what a process of `replay verify` would import, who needs no registry
        from confluent_kafka import schema_registry

        self._library = schema_registry
        self._client = schema_registry.SchemaRegistryClient(
            {
                "url": url,
                "timeout": REQUEST_TIMEOUT_S,
                "retries.max.wait.ms": retry_wait_max_ms,
                **access,
            }
        )
        self._fault = fault
        self._url = url
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, str] = {}
        self._definitions: dict[int, dict[str, Any]] = {}

    def register(self, subjects: Mapping[str, str]) -> None:
        """Register our definitions: subject -> record name. Equal ones keep their ids.

        Raises IncompatibleSchema where the registry holds a version that ours does not fit.
        """
        for subject, record in subjects.items():
            schema = self._library.Schema(json.dumps(_ours(record)), "AVRO")
            if not self._has_versions(subject):
                self._take(record, self._ask(self._client.register_schema, subject, schema))
                self._ask(self._client.set_compatibility, subject_name=subject, level=COMPATIBILITY)
                continue
            try:
                schema_id = self._ask(self._client.register_schema, subject, schema)
            except self._library.SchemaRegistryError as error:
                if error.http_status_code != 409:
                    raise
                raise IncompatibleSchema(
                    f"{record} does not fit the versions of {subject} in {self._url}: "
                    f"give new fields a default and keep old ones ({error.error_message})"
                ) from None
            self._take(record, schema_id)
        self._subjects.update({record: subject for subject, record in subjects.items()})

    def _has_versions(self, subject: str) -> bool:
        try:
            return bool(self._ask(self._client.get_versions, subject))
        except self._library.SchemaRegistryError as error:
            if error.http_status_code != 404:
                raise
            return False

    def expect(self, subjects: Mapping[str, str]) -> None:
        """Name the subjects whose ids `id_of` may look up, without registering anything."""
        self._subjects.update({record: subject for subject, record in subjects.items()})

    def id_of(self, record: str) -> int:
        """Return the id of our definition of a record.

        Raises UnknownSchema if it was never registered, RegistryAway.
        """
        if record not in self._ids:
            subject = self._subjects.get(record)
            if subject is None:
                raise UnknownSchema(f"{record} has no subject: add it to streams/topics.py")
            schema = self._library.Schema(json.dumps(_ours(record)), "AVRO")
            self._forget()
            try:
                registered = self._ask(self._client.lookup_schema, subject, schema)
            except self._library.SchemaRegistryError as error:
                if error.http_status_code != 404:
                    raise
                raise UnknownSchema(
                    f"{subject} in {self._url} does not hold our {record}: run `playhead up`"
                ) from None
            if registered.schema_id is None:
                raise UnknownSchema(f"{self._url} gave no id for {subject}")
            self._take(record, registered.schema_id)
        return self._ids[record]

    def _take(self, record: str, schema_id: int) -> None:
        """Take an id for our definition of a record, if what stands behind it is that.

        Raises RegistryAway where it is not: under such an id nothing may be written.
        """
        try:
            definition = self.definition_of(schema_id)
        except UnknownSchema:
            definition = {}
        if definition != _ours(record) and not same_records(definition, _ours(record)):
            raise RegistryAway(
                f"the schema registry at {self._url} contradicts itself: it gives id {schema_id} "
                f"for our {record}, and another definition for that id: see its log, and what "
                "stands before it"
            )
        self._definitions[schema_id] = definition
        self._ids[record] = schema_id

    def definition_of(self, schema_id: int) -> dict[str, Any]:
        """Return the definition behind an id; raises UnknownSchema, RegistryAway."""
        if schema_id in self._definitions:
            return self._definitions[schema_id]
        unknown = UnknownSchema(f"no schema with id {schema_id} in {self._url}")
        if schema_id > SCHEMA_ID_MAX:
            raise unknown
        self._forget()
        try:
            schema = self._ask(self._client.get_schema, schema_id)
        except self._library.SchemaRegistryError:
            raise unknown from None
        text = schema.schema_str or "null"
        if len(text) > TEXT_CHARACTERS_MAX:
            raise unknown
        try:
            definition = json.loads(text)
        except (ValueError, RecursionError):  # Protobuf, say
            raise unknown from None
        if not isinstance(definition, dict):
            raise unknown
        return definition

    def _forget(self) -> None:
        """Have the client ask anew: it would repeat what it was told, or what it has registered."""
        self._client.clear_caches()  # type: ignore[no-untyped-call]  # takes and gives nothing

    def _ask(
        self,
        call: Callable[ArgumentsT, AnswerT],
        *arguments: ArgumentsT.args,
        **options: ArgumentsT.kwargs,
    ) -> AnswerT:
        """Call the registry; no answer, or one about the registry itself, becomes RegistryAway.

        Which library that is (httpx or httpx2) is the client's choice, so its errors have no name
        that could be caught.
        """
        try:
            return call(*arguments, **options)
        except self._library.SchemaRegistryError as error:
            status = error.http_status_code
            if status in NO_ANSWER or status < 400 or status >= 500:
                raise RegistryAway(
                    f"the schema registry at {self._url} answers with status {status}: "
                    f"{REFUSED.get(status, 'its log tells why')}"
                ) from error
            raise
        except Exception as error:
            if said := self._fault(str(error)):
                raise RegistryAway(said) from error
            raise RegistryAway(
                f"the schema registry at {self._url} does not answer ({type(error).__name__}): "
                "`playhead status` tells whether it is up"
            ) from error
