"""A run over a source: what it lists against what was seen, and what follows from that.

A document is handed in when it is not as it was: by its marker without reading it, and by what was
handed in once it is read. Its request's id follows from the source, the document, how often it
changed and what it is now, so who repeats a run that was cut off writes nothing twice.

That something is absent is believed after a complete listing alone, and never of more than half of
the documents unless somebody says so: an empty disk, or a page that lost its links, looks the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from msgspec import structs

from agents.errors import KeyDestroyed, Permanent
from connectors.sources.findings import (
    DocumentSource,
    FoundDocument,
    FoundGone,
    FoundUnchanged,
    GoneMeanwhile,
    LeftOut,
    ReadVersion,
    SourceAway,
    SourceFinding,
    UnreadDocument,
)
from edge.requests.building import RequestBuilder, Seals
from edge.requests.identity import Identity, stamp
from edge.requests.new_document import NewDocument
from edge.sources.outlet import Outlet
from edge.sources.run_report import RunReport
from edge.sources.seen_documents import (
    LISTED,
    SAID_GONE,
    VALIDATORS,
    SeenDocument,
    SeenDocuments,
)
from edge.sources.source_log import EDGE
from schemas import DocumentSeen, SourceConfigured
from streams.log.ids import document_id, outcome_id

SHARE_MAX = 0.5  # of the documents that may be gone at once, unless somebody says so


@dataclass(frozen=True)
class RunTerms:
    """How a run is meant."""

    dry: bool = False
    """Write nothing."""
    allow_deletions: bool = False
    """Withdraw more than half of the documents, where they are gone."""
    trusted: bool = False
    """Whether what was seen last was all of it: only then an unchanged page tells its links."""
    cursor: str = ""
    """Where to go on; empty for the beginning."""


class SourceRun:
    """One run. `others` are the tenant's sources that there are."""

    def __init__(
        self,
        tenant: str,
        configured: SourceConfigured,
        source: DocumentSource,
        known: SeenDocuments,
        requests: RequestBuilder,
        keyring: Seals,
        outlet: Outlet,
        terms: RunTerms,
        *,
        others: Collection[str] = (),
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self._tenant, self._name = tenant, configured.source
        self._configured, self._source, self._known = configured, source, known
        self._requests, self._keyring, self._outlet = requests, keyring, outlet
        self._terms, self._others, self._advance = terms, others, advance
        self.report = RunReport(held=known.held(configured.source))
        shape = [configured.chunk_policy, sorted(configured.groups)]
        self._shape = json.dumps(shape).encode()

    def go(self) -> RunReport:
        """Follow the source to its end.

        Raises SourceAway where it can't be listed, and Transient where the log takes nothing: what
        was handed in until then stands.
        """
        try:
            for finding in self._source.found(self, self._terms.cursor):
                self._take(finding)
                self._advance()
        except SourceAway:
            self._outlet.flush()
            raise
        self.report.incomplete = self._source.incomplete
        self._withdraw_missing()
        self._outlet.flush()
        return self.report

    # ------------------------------------------------------------------ what the source may ask

    def validators(self, uri: str) -> str:
        """Return what a document's last version was read with, where that may be built upon."""
        return self._validators(self._get(uri)) if self._terms.trusted else ""

    def uris(self) -> Iterator[str]:
        """Name the documents that were there."""
        return (one.uri for one in self._known.each_there(self._name))

    def _validators(self, known: SeenDocument) -> str:
        if known.validators is None:
            return ""
        try:
            return self._keyring.unseal(self._tenant, known.validators).decode()
        except Permanent:  # erased, or of another key store: it is read as if it were new
            return ""

    # ------------------------------------------------------------------ one finding

    def _take(self, finding: SourceFinding) -> None:
        match finding:
            case FoundDocument():
                self._follow(finding)
            case FoundUnchanged():
                self._meet(self._get(finding.uri))
                self.report.add(finding.uri, "unchanged")
            case FoundGone():
                known = self._get(finding.uri)
                if known.is_held:
                    self._known.meet(self._name, known, SAID_GONE)
            case LeftOut():
                self._leave_out(finding)

    def _get(self, uri: str) -> SeenDocument:
        return self._known.get(self._name, document_id(self._tenant, uri), uri)

    def _meet(self, known: SeenDocument) -> None:
        if known.met == LISTED:
            self.report.note(f"{known.uri} was listed twice: the later version counts")
        self._known.meet(self._name, known)

    def _leave_out(self, left: LeftOut) -> None:
        self.report.add(left.name, left.why, left.reason)
        if not left.uri:
            return
        known = self._get(left.uri)
        if known.met != SAID_GONE:
            self._known.meet(self._name, known)
        if not self._source.absence_tells and known.state in {"", "gone"}:
            # a page that could not be read: the next run looks at it again
            identity = self._identity(known, "noted")
            self._note(identity, known, structs.replace(_seen_as(known), state="noted"))

    def _follow(self, found: FoundDocument) -> None:
        known = self._get(found.uri)
        self._meet(known)
        if found.marker and known.is_held and known.marker == self._marker(found.marker):
            self.report.add(found.uri, "unchanged")
            return
        if self._terms.dry and found.marker:  # a dry run reads nothing that it need not
            self.report.add(found.uri, "changed" if known.is_held else "added")
            return
        try:
            version = found.read()
            self._hand_in(found, known, version)
        except GoneMeanwhile:
            self.report.add(found.uri, "skipped", "it went while it was read")
        except KeyDestroyed:
            self.report.add(found.uri, "failed", "it was erased: its key is gone for ever")
        except (UnreadDocument, Permanent) as error:
            self.report.add(found.uri, "failed", str(error))

    def _hand_in(self, found: FoundDocument, known: SeenDocument, version: ReadVersion) -> None:
        configured = self._configured
        marker = version.marker or found.marker
        seen = structs.replace(
            _seen_as(known),
            state="held",
            marker=self._marker(marker) if marker else "",
            content=self._content(version),
        )
        if known.is_held and known.content == seen.content:
            self.report.add(found.uri, "unchanged")
            if seen.marker != known.marker or version.validators != self._validators(known):
                self._note(self._identity(known, "seen"), known, seen, version.validators)
            return
        document = NewDocument(
            uri=found.uri,
            content=version.content,
            media_type=version.media_type,
            title=version.title,
            metadata=version.metadata,
            groups=configured.groups,
            chunk_policy=configured.chunk_policy,
        )
        seen = structs.replace(seen, changes=known.changes + 1)
        fingerprint = handed_in_as(structs.replace(seen, source=self._name))
        identity = self._identified(known, fingerprint)
        event = self._requests.submit(identity, document)
        if not self._terms.dry:
            self._outlet.hand_in(event, self._stamped(identity, seen, version.validators))
        self._known.learn(self._stamped(identity, seen, ""))
        self.report.add(found.uri, "changed" if known.is_held else "added")

    # ------------------------------------------------------------------ what is gone

    def _withdraw_missing(self) -> None:
        absent = self._source.absence_tells and not self._source.incomplete
        missing = self._known.missing(self._name, absent=absent)
        if missing > SHARE_MAX * self.report.held and not self._terms.allow_deletions:
            self.report.refused = missing
            return
        for known in self._known.each_missing(self._name, absent=absent):
            self.withdraw(known, f"gone from source {self._name}")

    def withdraw(self, known: SeenDocument, reason: str) -> None:
        """Withdraw a document, unless another source has it too."""
        gone = structs.replace(_seen_as(known), state="gone", marker="", content="")
        elsewhere = self._known.elsewhere(self._name, known.document, self._others)
        if elsewhere:
            self._note(self._identity(known, f"{known.changes}|left"), known, gone)
            self.report.note(f"{known.uri} stays: source {elsewhere} has it too")
            return
        gone = structs.replace(gone, changes=known.changes + 1)
        identity = self._identity(known, f"{gone.changes}|gone")
        if not self._terms.dry:
            event = self._requests.withdraw(identity, reason)
            self._outlet.hand_in(event, self._stamped(identity, gone, ""))
        self.report.add(known.uri, "removed", reason)

    # ------------------------------------------------------------------ records

    def _identity(self, known: SeenDocument, what: str) -> Identity:
        return self._identified(known, _fingerprint(self._name, known.document, what))

    def _identified(self, known: SeenDocument, fingerprint: str) -> Identity:
        return self._requests.identities.of_known_document(
            self._tenant, known.document, fingerprint
        )

    def _note(
        self, identity: Identity, known: SeenDocument, seen: DocumentSeen, validators: str = ""
    ) -> None:
        assert seen.document == known.document
        if not self._terms.dry:
            self._outlet.note(self._stamped(identity, seen, validators))

    def _stamped(self, identity: Identity, seen: DocumentSeen, validators: str) -> DocumentSeen:
        sealed = None
        if validators:
            key, plain = f"document/{seen.document}", validators.encode()
            sealed = self._keyring.seal(self._tenant, key, identity.request, VALIDATORS, plain)
        return structs.replace(
            seen,
            meta=stamp(EDGE, identity, record=outcome_id(identity.request, EDGE, 0)),
            source=self._name,
            validators=sealed,
        )

    def _marker(self, marker: str) -> str:
        """Digest a marker together with how documents are handed in: a policy is a change too."""
        return self._keyring.digest(self._tenant, self._shape + b"|" + marker.encode())

    def _content(self, version: ReadVersion) -> str:
        told = [version.media_type, version.title, dict(sorted(version.metadata.items()))]
        head = json.dumps(told, separators=(",", ":")).encode()
        return self._keyring.digest(self._tenant, b"\n".join((self._shape, head, version.content)))


def handed_in_as(seen: DocumentSeen) -> str:
    """Return the fingerprint of the request by which a document was handed in as it was seen."""
    what = f"{seen.changes}|{seen.marker}|{seen.content}"
    return _fingerprint(seen.source, seen.document, what)


def _fingerprint(source: str, document: str, what: str) -> str:
    return f"source|{source}|{document}|{what}"


def _seen_as(known: SeenDocument) -> DocumentSeen:
    """Spell what is known of a document as a record, whose meta and source are still to come."""
    return DocumentSeen(
        source="",
        document=known.document,
        uri=known.uri,
        state=known.state or "noted",
        marker=known.marker,
        content=known.content,
        changes=known.changes,
    )
