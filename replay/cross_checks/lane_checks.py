"""All that a lane says twice: what a run is answered, against what other records and runs say.

A `Heeding` takes the answers of one run as they come. It raises Contradiction for the first that
says something else than the records before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from replay.cross_checks.forms import FormNumbers, form_number
from replay.cross_checks.passages import IndexedChunks
from replay.cross_checks.table_rows import ReleaseRows, Rows
from replay.cross_checks.turns import Conversations
from replay.recorded import Contradiction
from schemas import (
    AnswerReleased,
    Begin,
    Begun,
    CancellationRequested,
    ChunksCut,
    ChunksEmbedded,
    DocumentState,
    DocumentSubmitted,
    Event,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    Generate,
    Generated,
    IndexChunks,
    IndexWritten,
    Placeholders,
    PublishVersion,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    Record,
    ReleaseState,
    Request,
    Search,
    SessionForked,
    TokensGenerated,
    Turns,
    WithdrawVersions,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
)
from schemas import DocumentWithdrawn as Withdrawn
from streams.running.cancellations import Wanted

CrossCheck = Callable[["Heeding", Any, Any], str]


class LaneChecks:
    """What is known of a lane so far.

    `elsewhere` reads the records of chunks of the other lanes. Rows of tables are followed where
    `follows_rows` says that all runs of a tenant are seen.
    """

    def __init__(
        self, elsewhere: Callable[[], Iterable[ChunksEmbedded]], *, follows_rows: bool = True
    ) -> None:
        self.chunks = IndexedChunks(elsewhere)
        self.conversations = Conversations()
        self.follows_rows = follows_rows
        self.placeholders = Rows(Placeholders())
        self.documents = Rows(DocumentState())
        self.releases = ReleaseRows()
        self.versions = FormNumbers()
        """Of tenant, document and the state in force that a run left of it."""
        self.withdrawn = FormNumbers()
        """Of tenant and document."""
        self.cancelled: set[Wanted] = set()
        self.unsigned: set[Wanted] = set()
        """Answers that somebody wanted to end who had to sign, and did not."""
        self.wishes_lost = ""
        """Why a cancellation that is not known may have been on the log all the same."""
        self.forks_lost = ""
        """Why a fork that is not known may have been on the log all the same."""
        self.disordered: dict[tuple[str, str], int] = {}
        """Tenants and sessions whose inputs were not run in their order, so nothing is known of
        what one run left for the next -> the first step of the chain that did so."""

    def learn(self, event: Event) -> None:
        """Take in an outcome; before the runs that may be told of it."""
        match event:
            case ChunksEmbedded():
                self.chunks.learn(event)
            case AnswerReleased():
                self.conversations.learn(event)
            case ChunksCut() if event.outcome == "withdrawn":
                self.withdrawn.add(form_number(event.meta.tenant, event.document.document))
            case CancellationRequested():
                self.cancelled.add(Wanted.of(event))
            case SessionForked():
                self.conversations.begin(event)
                key = _scope(event, event.meta.session)
                self.placeholders.begin(key, Placeholders(entries=event.placeholders))

    def heeding(self, event: Event, offset: int, *, put_back: bool, step: int = 0) -> Heeding:
        """Return what heeds the answers of a run; `step` is its step's place in the chain."""
        return Heeding(self, event, offset, put_back=put_back, step=step)

    def forget(self, event: Event) -> None:
        """Take in that not all runs over an input are known, or can be made again as a whole."""
        meta = event.meta
        self.placeholders.forget(_scope(event, meta.session))
        if isinstance(event, DocumentSubmitted):
            self.documents.forget((meta.tenant, event.document))
        if isinstance(event, TokensGenerated):
            self.releases.forget((meta.tenant, meta.request))


class Heeding:
    """Heeds the answers of one run."""

    def __init__(
        self, lane: LaneChecks, event: Event, offset: int, *, put_back: bool, step: int = 0
    ) -> None:
        self.lane = lane
        self.event = event
        self.offset = offset
        self.put_back = put_back
        """Whether its input was rejected before: it sees rows as they were then."""
        self.step = step
        self.code = ""
        self.doubt = ""
        """What nobody can tell any more of what it was answered; nothing speaks against it."""

    def __call__(self, request: Request[Any], response: Record) -> None:
        """Take an answer; raises Contradiction where another record says otherwise."""
        check = CHECKS.get(type(request))
        if check is not None and (reason := check(self, request, response)):
            raise Contradiction(f"{request.SCHEMA} contradicts the log: {reason}")
        if isinstance(response, Begun):
            self.code = response.code

    @property
    def tenant(self) -> str:
        """Whose run it is."""
        return self.event.meta.tenant

    def follows(self) -> bool:
        """Whether the rows that it reads are known."""
        meta = self.event.meta
        since = self.lane.disordered.get((meta.tenant, meta.session))
        disordered = since is not None and since <= self.step
        return self.lane.follows_rows and not self.put_back and not disordered


def _scope(event: Event, scope: str) -> tuple[str, ...]:
    """Name a row of placeholders: a document's, or one of a user's conversation."""
    if isinstance(event, ChunksCut):
        return event.meta.tenant, scope
    return event.meta.tenant, scope, getattr(event, "subject", "")


def _read_placeholders(run: Heeding, request: ReadPlaceholders, state: Placeholders) -> str:
    rows, event = run.lane.placeholders, run.event
    if not run.follows():
        return ""
    key = _scope(event, request.scope)
    reason = rows.against_read(key, state, event.meta.id, run.code)
    # 0.1.0 had one row for all who named a conversation, or a document, alike
    shared = reason and rows.holds((run.tenant, request.scope, SHARED), state)
    return "" if shared else _unless_forked(run, reason)


def _write_placeholders(run: Heeding, request: WritePlaceholders, _: Record) -> str:
    rows, event = run.lane.placeholders, run.event
    key = _scope(event, request.scope)
    if run.put_back:
        rows.forget(key)
        return ""
    rows.write(key, request.state, event.meta.id, run.code)
    rows.write((run.tenant, request.scope, SHARED), request.state, event.meta.id, run.code)
    return ""


def _read_document(run: Heeding, request: ReadDocument, state: DocumentState) -> str:
    lane, key = run.lane, (run.tenant, request.document)
    if not run.follows():
        return ""
    if state.withdrawn and form_number(*key) not in lane.withdrawn:
        return "no record withdraws the document"
    in_force = replace(state, withdrawn=False)
    if isinstance(run.event, Withdrawn):  # of another topic: which came first is not known
        known = state == DocumentState() or form_number(*key, in_force) in lane.versions
        return "" if known or lane.documents.unknown(key) else "no run wrote it"
    return lane.documents.against_read(key, in_force, run.event.meta.id, run.code)


def _write_document(run: Heeding, request: WriteDocument, _: Record) -> str:
    key = run.tenant, request.document
    if run.put_back:
        run.lane.documents.forget(key)
    elif not isinstance(run.event, Withdrawn):
        run.lane.documents.write(key, request.state, run.event.meta.id, run.code)
        run.lane.versions.add(form_number(*key, request.state))
    return ""


def _begun(run: Heeding, _: Begin, begun: Begun) -> str:
    return _wanted(run) if begun.cancelled else ""


def _generated(run: Heeding, _: Generate, part: Generated) -> str:
    return _wanted(run) if part.finish_reason == "cancelled" else ""


def _wanted(run: Heeding) -> str:
    """Say that nobody cancelled an answer, unless somebody did: in its lane, and of its asker."""
    if Wanted.of(run.event) in run.lane.cancelled:
        return ""
    if Wanted.of(run.event) in run.lane.unsigned:
        run.doubt = "it was cancelled by a wish that nobody signed, and producers must sign"
        return ""
    if run.lane.wishes_lost:
        run.doubt = f"it was cancelled, and by whom can't be told: {run.lane.wishes_lost}"
        return ""
    return "no record cancels the answer"


def _read_release(run: Heeding, request: ReadRelease, state: ReleaseState) -> str:
    if not run.follows():
        return ""
    key = run.tenant, run.event.meta.request
    return run.lane.releases.against_read(key, request.batch, state)


def _write_release(run: Heeding, request: WriteRelease, _: Record) -> str:
    run.lane.releases.write((run.tenant, run.event.meta.request), request.state)
    return ""


def _turns(run: Heeding, request: ReadTurns, read: Turns) -> str:
    meta = run.event.meta
    subject = getattr(run.event, "subject", "")
    reason = run.lane.conversations.against(
        (meta.tenant, subject, meta.session), meta.request, request, read
    )
    return _unless_forked(run, reason)


def _unless_forked(run: Heeding, reason: str) -> str:
    """Doubt what speaks against a conversation, where a fork that is gone may explain it."""
    if reason and run.lane.forks_lost:
        run.doubt = f"{reason}; whether a fork began with it can't be told: {run.lane.forks_lost}"
        return ""
    return reason


def _fetched(run: Heeding, request: Any, fetched: Fetched) -> str:
    return run.lane.chunks.against_fetched(run.tenant, request, fetched)


def _fetched_beside(run: Heeding, request: Any, fetched: Fetched) -> str:
    return run.lane.chunks.against_adjacent(run.tenant, request, fetched)


def _found(run: Heeding, _: Any, found: Found) -> str:
    return run.lane.chunks.against_found(run.tenant, found)


def _indexed(run: Heeding, request: IndexChunks, written: IndexWritten) -> str:
    if written.count != len(request.chunks):
        return f"{written.count} chunks were written of {len(request.chunks)}"
    return _written(run, request, written)


def _written(run: Heeding, _: Any, written: IndexWritten) -> str:
    """Hold the position of a write in the index against that of the input that asked for it."""
    if written.position == run.offset:
        return ""
    return f"the index says position {written.position}, its input lies at {run.offset}"


SHARED = "\0shared"  # no user is called so
CHECKS: dict[type[Request[Any]], CrossCheck] = {
    Begin: _begun,
    Generate: _generated,
    Fetch: _fetched,
    FetchAdjacent: _fetched_beside,
    Search: _found,
    IndexChunks: _indexed,
    PublishVersion: _written,
    WithdrawVersions: _written,
    ReadTurns: _turns,
    ReadPlaceholders: _read_placeholders,
    WritePlaceholders: _write_placeholders,
    ReadDocument: _read_document,
    WriteDocument: _write_document,
    ReadRelease: _read_release,
    WriteRelease: _write_release,
}
