"""What an operator does with sources: set up, list, follow, take away."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from types import TracebackType
from typing import Any, Self

from msgspec import structs

from agents.chunk_policies import known_policy
from agents.errors import Permanent, Transient
from connectors.keyring import Keyring
from connectors.sources.findings import DocumentSource, SourceAway
from connectors.sources.source_kinds import opened
from connectors.sources.source_options import BadSource, checked_location, checked_options, kind_of
from edge.requests.building import RequestBuilder, Seals
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.identity import stamp
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes, RequestPublisher
from edge.requests.validity import check_groups
from edge.sources.outlet import (
    AnnouncedOutlet,
    AwaitedOutlet,
    HandInPace,
    IngestRoom,
    LogOutlet,
    Outlet,
)
from edge.sources.run_report import RunReport
from edge.sources.run_watcher import RunWatcher
from edge.sources.seen_documents import SeenDocuments
from edge.sources.settling import EndingsLog, Settling
from edge.sources.source_history import (
    ListedSource,
    NoSuchSource,
    NothingListed,
    RunHistory,
    RunWish,
    ended,
)
from edge.sources.source_lock import check_elsewhere, host_name, source_lock
from edge.sources.source_log import (
    EDGE,
    SourceFact,
    SourceLog,
    configured_digest,
    key_of,
    source_identity,
)
from edge.sources.source_run import RunTerms, SourceRun, handed_in_as
from schemas import SourceConfigured, SourceRan
from streams.log.chosen_model import in_force
from streams.log.codec import Codec, open_codec
from streams.log.configuration_log import ConfigurationLog
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings


def limits_in_force(settings: Settings, codec: Codec) -> ConfiguredLimits:
    """Read by which policies and bounds the steps take documents now."""
    with closing(ConfigurationLog(settings, codec)) as log:
        activations = log.read()
    shipped = in_force(settings)
    return ConfiguredLimits({step: activations.in_force(step, shipped[step]) for step in shipped})


def publisher_now(settings: Settings, codec: Codec) -> RequestPublisher:
    """Return what publishes by who must sign at the moment."""
    must_sign = ProducerProof.now(settings, codec).asked
    return RequestPublisher(settings, codec, client=EDGE, must_sign=must_sign)


UNWATCHED = RunWatcher()


class SourceDesk:
    """A tenant's sources; a context manager.

    Methods raise what SourceLog does, Transient where the log takes nothing, and Refused.
    """

    def __init__(
        self,
        settings: Settings,
        tenant: str,
        *,
        log: SourceLog | None = None,
        publisher: Publishes | None = None,
        keyring: Seals | None = None,
        configured: ConfiguredLimits | None = None,
        open_source: Callable[..., DocumentSource] = opened,
        room: Callable[[int], None] | None = None,
        endings: Callable[[int | None], EndingsLog] | None = None,
    ) -> None:
        self._settings, self._tenant = settings, tenant
        codec = open_codec(settings) if log is None or publisher is None else None

        def open_endings(since_us: int | None) -> EndingsLog:
            assert codec is not None
            return EndingsLog(settings, codec, tenant, since_us)

        self._endings = endings or open_endings
        self._keyring = keyring or Keyring(settings)
        if configured is None:
            configured = limits_in_force(settings, codec) if codec else ConfiguredLimits()
        self._limits = configured
        self._requests = RequestBuilder(settings, self._keyring, edge=EDGE, configured=configured)
        self._requests.identities.of_document(tenant, "")  # refuses what is no tenant
        assert codec is not None or (log is not None and publisher is not None)
        self._log = log or SourceLog(settings, codec)  # type: ignore[arg-type]
        self._publisher = publisher or publisher_now(settings, codec)  # type: ignore[arg-type]
        self._open = open_source
        self._room = room

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as closing:
            closing.callback(self._log.__exit__, kind, error, trace)
            closing.callback(self._publisher.close)

    # ------------------------------------------------------------------ setting up

    def add(
        self,
        name: str,
        location: str,
        options: Mapping[str, str],
        *,
        chunk_policy: str,
        groups: Sequence[str],
        rate: float,
        by: str,
    ) -> tuple[SourceConfigured, bool]:
        """Set a source up, or up anew; tells whether there was one. Raises BadSource."""
        kind = kind_of(location)
        location = checked_location(kind, location)
        checked_options(kind, options)
        check_groups(groups)
        policies = self._limits.chunk_policies
        if not known_policy(chunk_policy, policies):
            raise BadSource(f"no such chunk policy: choose {' or '.join(policies)}")
        before = self._log.configured(self._tenant)
        configured = SourceConfigured(
            source=name,
            kind=kind,
            location=location,
            options=dict(options),
            chunk_policy=chunk_policy,
            groups=tuple(groups),
            rate=rate,
            by=by,
        )
        return self._put_now(configured, str(uuid.uuid4())), name in before

    def configured(self, name: str) -> SourceConfigured:
        """Return a source; raises NoSuchSource that names those that there are."""
        sources = self._log.configured(self._tenant)
        if name in sources:
            return sources[name]
        there = f"there are {', '.join(sources)}" if sources else "it has none"
        raise NoSuchSource(
            f"{self._tenant} has no source {name}: {there} (`playhead sources list --tenant "
            f"{self._tenant}`)"
        )

    def listed(self) -> list[ListedSource]:
        """Return all sources, by name."""
        sources = self._log.configured(self._tenant)
        last = {ran.source: ran for ran in self._log.runs(self._tenant)}
        known = self._known()
        try:
            return [
                ListedSource(configured, known.held(name), last.get(name))
                for name, configured in sources.items()
            ]
        finally:
            known.close()

    # ------------------------------------------------------------------ following

    def run(
        self,
        configured: SourceConfigured,
        wish: RunWish,
        watcher: RunWatcher = UNWATCHED,
    ) -> RunReport:
        """Follow a source once, and tell a watcher how that comes along.

        Raises SourceBusy, SourceAway, BadSource, and Stalled where waiting comes to nothing.
        """
        if not wish.wait:
            return self._run(configured, wish, watcher, None)
        digest = configured_digest(configured)
        since_us = RunHistory(self._log.runs(self._tenant), configured.source, digest).since_us
        with self._endings(since_us) as endings, Settling(endings.look, watcher) as settling:
            for request, uri in self._handed_in(configured.source, since_us):
                settling.expect(request, uri)
            report = self._run(configured, wish, watcher, settling)
            with suppress(KeyboardInterrupt):  # what is under way by then is told
                settling.wait()
            report.settled = settling.report()
        return report

    def _run(
        self,
        configured: SourceConfigured,
        wish: RunWish,
        watcher: RunWatcher,
        settling: Settling | None,
    ) -> RunReport:
        name = configured.source
        with source_lock(self._settings, self._tenant, name):
            digest, host = configured_digest(configured), host_name()
            history = RunHistory(self._log.runs(self._tenant), name, digest)
            if not wish.take_over:
                check_elsewhere(history.last, host)
            source = self._opened(configured, full=wish.full)
            known = self._known()
            ran = SourceRan(
                source=name, run=str(uuid.uuid4()), state="begun", configured=digest, host=host
            )
            outlet = AnnouncedOutlet(
                self._watched_outlet(configured, watcher, settling),
                lambda: self._put_now(ran, f"{ran.run}|begun"),
            )
            if not wish.dry and not wish.quiet:
                outlet.announce()
            began_s = time.monotonic()
            run = SourceRun(
                self._tenant,
                configured,
                source,
                known,
                self._requests,
                self._keyring,
                outlet,
                RunTerms(wish.dry, wish.allow_deletions, history.trusted, history.cursor),
                others=self._log.configured(self._tenant),
                advance=watcher.found,
            )
            watcher.begun(source)
            state, reason = "failed", "it was interrupted"
            try:
                report = run.go()
                state, reason = "ended", report.incomplete
            except (SourceAway, Transient, Permanent) as error:
                reason = str(error)
                raise
            finally:
                known.close()
                # what failed lies behind the cursor: it is tried again from where this run began
                further = source.cursor if not run.report.counts["failed"] else ""
                cursor = further or history.cursor if state == "ended" else ""
                moved = cursor != history.cursor or run.report.changed_something
                if not wish.dry and (moved or outlet.announced):
                    told = run.report
                    self._put_now(ended(ran, state, reason, cursor, told, began_s), ran.run)
            return report

    def remove(self, configured: SourceConfigured, *, withdraw: bool, by: str) -> RunReport:
        """Take a source away; its documents stay, or are withdrawn. Raises SourceBusy."""
        name = configured.source
        with source_lock(self._settings, self._tenant, name):
            known = self._known()
            source = NothingListed()
            outlet = self._outlet(configured)
            others = self._log.configured(self._tenant)
            run = SourceRun(
                self._tenant,
                configured,
                source,
                known,
                self._requests,
                self._keyring,
                outlet,
                RunTerms(),
                others=others,
            )
            if withdraw:
                for one in known.each_held(name):
                    run.withdraw(one, f"source {name} was removed")
                outlet.flush()
            known.close()
            gone = SourceConfigured(
                source=name,
                kind=configured.kind,
                location=configured.location,
                removed=True,
                by=by,
            )
            self._put_now(gone, str(uuid.uuid4()))
            return run.report

    # ------------------------------------------------------------------ parts

    def _opened(self, configured: SourceConfigured, *, full: bool) -> DocumentSource:
        return self._open(
            configured.source,
            configured.kind,
            configured.location,
            configured.options,
            self._settings,
            full=full,
        )

    def _watched_outlet(
        self, configured: SourceConfigured, watcher: RunWatcher, settling: Settling | None
    ) -> Outlet:
        if settling is None:
            return self._outlet(configured, watcher.held_up)

        def held_up() -> None:
            watcher.held_up()
            settling.look()

        return AwaitedOutlet(self._outlet(configured, held_up), settling)

    def _outlet(
        self, configured: SourceConfigured, held_up: Callable[[], None] = lambda: None
    ) -> LogOutlet:
        room = self._room or IngestRoom(self._settings, held_up=held_up).wait
        return LogOutlet(self._publisher, self._log, HandInPace(configured.rate), room)

    def _handed_in(self, source: str, since_us: int | None) -> Iterator[tuple[str, str]]:
        """Yield the requests by which a source handed documents in, from a time on, and uris."""
        if since_us is None:
            return
        identities = self._requests.identities
        for seen in self._log.seen(self._tenant):
            if seen.source == source and seen.meta.at >= since_us:
                told = handed_in_as(seen)
                identity = identities.of_known_document(self._tenant, seen.document, told)
                if seen.meta.request == identity.request:  # else it was noted, or withdrawn
                    yield identity.request, seen.uri

    def _known(self) -> SeenDocuments:
        known = SeenDocuments()
        known.learn_all(self._log.seen(self._tenant))
        return known

    def _put_now(self, fact: Any, fingerprint: str) -> Any:
        """Stamp a fact about a source and wait until the broker has it."""
        what = f"{fact.SCHEMA}|{fingerprint}"
        identity = source_identity(self._requests.identities, self._tenant, fact.source, what)
        stamped: SourceFact = structs.replace(fact, meta=stamp(EDGE, identity))
        assert key_of(stamped)
        self._log.put(stamped).result(WORD_TIMEOUT_S)
        return stamped
