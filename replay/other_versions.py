"""Other versions: what a record says of the libraries behind it, held against those here.

A result that differs shows nothing where it was computed with another library, interpreter or table
of Unicode: then it is unverifiable here, and the versions say where it could be verified. 0.1.0
recorded few of them. What it did not record is what its `uv.lock` had; the reader of a document
stands in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agents.changes import OLDEST, is_before
from replay.differences import first_difference
from replay.rules import Rerun, StoredOutcome
from schemas import Begun, ChunksCut, Parsed, Record, TokenCounts
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.running.digests import version_of
from streams.version import CODE

_RUNTIMES = {"0.1.0": "python 3.11, unicode 14.0.0, regex 2026.11.15"}
_LXML = "6.1.3+libxml2-2.14.6.2"
_READERS_OF_0_1_0 = {"plain": "2", "lxml": _LXML, "markdown-it-py": f"4.3.0+lxml-{_LXML}"}
_TOKENIZER_OF_0_1_0 = "tokenizers 0.23.3, tokenizer.json d241a60d5e8f"


def versions_differ(begun: Begun, here: str) -> str:
    """Say which versions a run was computed with that are others here; nothing where none is.

    Older code is no other: what it did is done here too (`agents.changes`), back to OLDEST.
    """
    then = begun.runtime or _RUNTIMES.get(begun.code, "")
    code = begun.code
    told = list(_others(then, here))
    if is_before(CODE, code) or is_before(code, OLDEST):
        told.insert(0, f"the code was {code} and is {CODE} here")
    return ", ".join(told)


def _others(then: str, here: str) -> Iterator[str]:
    """Compare versions by name; one that is told to fewer places stands for all that begin so."""
    ours = _by_name(here)
    for name, version in _by_name(then).items():
        there = ours.get(name, "none")
        if not f"{there}.".startswith(f"{version}."):
            yield f"{name} was {version} and is {there} here"


def _by_name(versions: str) -> dict[str, str]:
    named = (entry.rpartition(" ") for entry in versions.split(", ") if entry)
    return {name: version for name, _, version in named}


def told_versions(outcomes: Iterable[StoredOutcome]) -> dict[str, str]:
    """Return the version of each reader of documents that records name."""
    manifests = (
        outcome.event.manifest
        for outcome in outcomes
        if isinstance(outcome.event, ChunksCut) and outcome.event.manifest is not None
    )
    return {manifest.parser: manifest.parser_version for manifest in manifests}


def version_in_0_1_0(response: Record, told: Mapping[str, str]) -> str:
    """Return the versions that gave a response to 0.1.0; `told` are those that its record names."""
    if isinstance(response, Parsed):
        parser = response.parser
        return told.get(parser) or _READERS_OF_0_1_0.get(parser, "")
    return _TOKENIZER_OF_0_1_0 if isinstance(response, TokenCounts) else version_of(response)


def doubted(
    rerun: Rerun, outcomes: Sequence[StoredOutcome], closed: bool, differs: str, codec: Codec
) -> Rerun:
    """Take what other versions computed for what it is worth.

    What is equal is equal. From where it is not, nothing can be said here: the run ends for lack of
    the versions that `differs` names. What speaks against the record by itself stands.
    """
    if rerun.erased or rerun.lack:
        return rerun
    computed, reason = list(rerun.computed), rerun.reason
    for number, (outcome, event) in enumerate(zip(outcomes, computed, strict=False)):
        if _spelt(codec, outcome, event) != outcome.stored.value:
            if rerun.certain:
                return replace(rerun, computed=computed[:number])
            reason = first_difference(outcome.event, event)
            return Rerun(computed[:number], lack=f"{reason}; {differs}")
    if rerun.certain:
        return rerun
    if len(computed) < len(outcomes) or (closed and len(computed) > len(outcomes)):
        reason = reason or f"the step yields {len(computed)} records, the log holds {len(outcomes)}"
    if not reason:
        return rerun
    # the reason is said of the last record, which is equal by itself
    return Rerun(computed[: len(outcomes) - 1], lack=f"{reason}; {differs}")


def _spelt(codec: Codec, outcome: StoredOutcome, event: Record) -> bytes:
    try:
        return codec.encode_as(event, schema_id_of(outcome.stored.value))
    except (Undecodable, ValueError):
        return b""
