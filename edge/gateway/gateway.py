"""The gateway without its protocols: what HTTP, server-sent events and WebSocket all call.

Its parts each do one thing (take in, refuse, remember, follow, show); this puts them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from confluent_kafka import KafkaException

from agents.errors import Transient
from connectors.object_store import FolderObjects, ObjectStore
from connectors.text_vectors import EmbedsTexts
from edge.answering.bounds import Bounds
from edge.answering.following import Follower, Watch
from edge.callers.access import Access
from edge.callers.api_keys import ApiKeys
from edge.callers.caller import Caller, caller_of
from edge.callers.keys_gone import KeysGone, TellsDestroyed
from edge.callers.standing import KeysInUse
from edge.erasing.erasure_desk import ErasureDesk, PersonHeld, UnknownPerson
from edge.erasing.named_person import NamedPerson
from edge.gateway.audit_desk import AuditDesk
from edge.gateway.cancellation_desk import CancellationDesk
from edge.gateway.document_texts import DocumentTexts
from edge.gateway.embedding_desk import EmbeddingDesk
from edge.gateway.first_of_key import FirstOfKey
from edge.gateway.idempotency import Idempotency
from edge.gateway.known_histories import KnownHistories
from edge.gateway.log_evidence import RecallsPrompts
from edge.gateway.look_desk import LookDesk
from edge.gateway.original_desk import OriginalDesk
from edge.gateway.progress_desk import ProgressDesk
from edge.gateway.prompt_desk import PromptDesk
from edge.gateway.receipt_desk import MakesReceipts, ReceiptDesk
from edge.gateway.reception import Reception
from edge.gateway.records_out import RecordsOut
from edge.gateway.review_desk import ReviewDesk
from edge.gateway.session_desk import SessionDesk
from edge.gateway.tellings import Tellings
from edge.gateway.upload_desk import UploadDesk
from edge.gateway.voiced_requests import KeyTurn, NewQuestion
from edge.listening.entries import Dispatch, Entry
from edge.listening.known_answers import KnownAnswers
from edge.listening.known_documents import KnownDocuments
from edge.listening.known_requests import KnownRequests
from edge.listening.log_index import LogIndex
from edge.listening.log_reader import ReadsLog
from edge.listening.request_search import RequestSearch
from edge.load.admission import Admission, OpenOffsets
from edge.load.counted_use import CountedUse
from edge.load.keys_ahead import KeysAhead
from edge.load.lane_track import spread
from edge.load.limits_in_force import LimitsInForce
from edge.load.measures import gauges
from edge.load.quotas import Quotas
from edge.load.slots import Slots
from edge.problems import Problem, overloaded
from edge.requests.building import Seals
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.identity import Identity, Whose
from edge.requests.publishing import Publishes
from edge.requests.validity import Refused
from edge.reviewing.review_reader import ReadsReviews
from schemas import QuestionAsked
from schemas.registry import RegistryAway
from streams.log.configuration import Configuration, load
from streams.log.configuration_watch import ConfigurationsFollowed
from streams.settings import Settings

if TYPE_CHECKING:  # it brings what checks tokens, and few gateways take any
    from edge.callers.people import People

T = TypeVar("T")
AGAIN_MOST_S = 3_600.0  # before what waits for the log is asked for again
AT_THE_DESK = 2  # erasures asked for or looked up at once: each reads some topics


class GatewayKeyring(Seals, TellsDestroyed, Protocol):
    """What the gateway needs of the keyring."""


@dataclass
class Gateway:
    """Takes requests in and follows them; lives on one event loop."""

    settings: Settings
    keyring: GatewayKeyring
    keys: ApiKeys
    idempotency: Idempotency
    publisher: Publishes
    log: ReadsLog
    offsets: OpenOffsets
    reviews: ReadsReviews
    index: LogIndex
    bounds: Bounds = field(default_factory=Bounds)
    configurations: Mapping[str, Configuration] = field(default_factory=load)
    """Those of the steps, in force at the moment at which one is asked for."""
    followed_log: ConfigurationsFollowed | None = None
    """What has them follow the log; None where they stay as they are."""
    receipts: MakesReceipts | None = None
    """What proves answers; None where whoever wired this has nothing that does."""
    prompts: RecallsPrompts | None = None
    """What computes prompts again; None where nothing does."""
    embedder: EmbedsTexts | None = None
    """What embeds texts for clients; None where nothing does."""
    people: People | None = None
    """Who calls without a key; None where no issuer is set."""
    erasures: ErasureDesk | None = None
    """Where people are asked to be erased; None where nobody can be."""
    upload_objects: ObjectStore | None = None
    """Where uploads lie that are not whole; None for a folder of the run."""
    stopping: bool = False

    def __post_init__(self) -> None:
        bounds = self.bounds
        self.configured = ConfiguredLimits(self.configurations)
        self.configured.policy.known = lambda: self.followed_log is None or self.followed_log.ready
        self.requests = KnownRequests(self.index)
        self.documents = KnownDocuments(self.index)
        self.answers = KnownAnswers(self.index)
        self.histories = KnownHistories(self.settings.run / "histories.sqlite")
        self.admission = Admission(self.settings, documents_of=self.documents.under_way)
        self.use = CountedUse(self.index, self._key_of)
        self._keys_ahead = KeysAhead(lambda: self.log.knows_all)
        self.quotas = Quotas(
            LimitsInForce(self.configurations), self.use, self.admission, self.documents
        )
        self.access = Access(
            self.requests,
            self.documents,
            self.keyring,
            knows_all=lambda: self.log.knows_all,
            policy=self.configured.policy,
            again_s=lambda: spread(min(AGAIN_MOST_S, max(1.0, self.log.left_s))),
        )
        self.keys_gone = KeysGone(self.keyring)
        self.keys_in_use = KeysInUse(self.keys, self.people.sign_ins if self.people else None)
        self.dispatch = Dispatch(
            (self.requests.take, self.documents.take, self.answers.take),
            self.admission.awaits,
            (self._keys_ahead.take, self.use.take, self._count),
        )
        self._out = RecordsOut(self.admission, self.publisher)
        self.reception = Reception(
            self.settings,
            bounds,
            self.keyring,
            self.idempotency,
            self.admission,
            self._out,
            self._remember,
            self.configured,
            self.quotas,
            self.access.check_all_known,
        )
        self.follower = Follower(
            self.settings,
            bounds,
            self.log,
            self.dispatch,
            self.access,
            self.keys_in_use,
            lambda: self.stopping,
            self.keys_gone,
        )
        self._open_desks()
        self.followed = Slots("requests under way", bounds.followed)
        self.uploading = Slots("uploads arriving", bounds.uploading)
        self.connections = Slots("open connections", bounds.connections)
        self._at_the_desk = asyncio.Semaphore(AT_THE_DESK)
        self._tasks: list[asyncio.Task[None]] = []

    def _open_desks(self) -> None:
        """Make what serves readers of what was asked before."""
        self.tellings = Tellings(self.reception.build.identities, self._out)
        self._firsts = FirstOfKey(self.reception, self.requests, self.follower)
        self.desk = ReviewDesk(
            self.reviews,
            self.requests,
            self.access,
            self.follower,
            self.reception,
            self.keyring,
        )
        self.session_desk = SessionDesk(self.log, self.requests, self.access, self.follower)
        self.receipt_desk = ReceiptDesk(self.access, self.follower, self.receipts)
        self.embeddings = EmbeddingDesk(
            self.embedder,
            self.bounds.embedded,
            self.configured.policy,
            self.settings.region,
            self.quotas,
            self.tellings,
        )
        self.texts = DocumentTexts(
            self.requests, self.access, self.follower.read_back, self.tellings
        )
        self.originals = OriginalDesk(
            self.requests, self.access, self.follower, self.texts, self.tellings, self.keyring
        )
        self.uploads = UploadDesk(
            self.upload_objects or FolderObjects(self.settings.run / "uploads"),
            self.keyring,
            self.reception,
            self.requests,
            self.settings.uploads_kept_s,
        )
        self.progress = ProgressDesk(
            self.access,
            self.follower,
            self.requests,
            self.keys_in_use,
            self.uploads,
            self.bounds,
            lambda: self.stopping,
        )
        self.prompt_desk = PromptDesk(self.prompts)
        self.audit_desk = AuditDesk(
            RequestSearch(self.index, self.requests, self.answers),
            self.answers,
            self.requests,
            self.access,
            self.follower,
            LookDesk(self.tellings, self.keyring.digest),
            self.receipt_desk,
            self.prompt_desk,
        )

    @cached_property
    def cancelling(self) -> CancellationDesk:
        """Where answers are cancelled."""
        return CancellationDesk(
            self.access,
            self.follower,
            self.reception,
            self.dispatch,
            self.settings.abandoned_s,
            lambda: self.stopping,
        )

    # ------------------------------------------------------------------ its life

    def start(self) -> None:
        """Begin to read the log, on the running loop."""
        self.log.start(self.dispatch)
        if self.followed_log is not None:
            self.followed_log.start()
        gauges.watch(self)
        self._tasks = [
            asyncio.create_task(self.admission.watch(self.offsets)),
            asyncio.create_task(self.keys_in_use.watch()),
            asyncio.create_task(self.keys_gone.watch()),
            asyncio.create_task(self._tidy()),
        ]

    async def stop(self) -> None:
        """Stop reading and close the stores."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.followed_log is not None:
            self.followed_log.stop()
        await self.log.stop()
        await self.embeddings.close()
        self.prompt_desk.close()
        await asyncio.to_thread(self.publisher.close)
        self.keys.close()
        if self.people is not None:
            self.people.close()
        self.idempotency.close()
        self.histories.close()
        self.index.close()

    async def missing(self, *, whole: bool = False) -> dict[str, str]:
        """Return what keeps the gateway from serving, or, `whole`, anything; empty for nothing."""
        missing = {}
        if self.stopping:
            missing["gateway"] = "it is shutting down"
        if not (self.log.knows_all if whole else self.log.ready):
            missing["log"] = "the log is still being read"
        if self.followed_log is not None and not self.followed_log.ready:
            missing["configurations"] = "which are in force is still being read"
        if not await self.log.reachable():
            missing["kafka"] = f"no broker answers at {self.settings.kafka}"
        return missing

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(self.bounds.tidy_s)
            await asyncio.to_thread(self.idempotency.forget_old)
            await asyncio.to_thread(self.histories.forget_old)
            await asyncio.to_thread(self.uploads.sweep)
            if self.people is not None:
                await asyncio.to_thread(self.people.sign_ins.forget_old)

    def _count(self, entry: Entry) -> None:
        """Count what is asked and answered from now on: what was asked before may be answered."""
        if self.log.ready or not isinstance(entry.event, QuestionAsked):
            self.admission.take(entry)

    def _key_of(self, whose: Whose) -> str | None:
        request = self.requests.find(whose)
        return self._keys_ahead.find(whose) if request is None else request.key

    def _remember(self, entry: Entry) -> None:
        """Know a request at once, not only when the log's reader comes to it."""
        self.requests.learn(entry)
        self.documents.take(entry)

    # ------------------------------------------------------------------ what protocols ask of it

    async def caller(self, secret: str) -> Caller:
        """Return who a key or a token belongs to; raises Problem."""
        if self.people is not None and self.people.is_token(secret):
            return await self.people.caller(secret, self.reception.build.subject)
        return await caller_of(secret, self.keys, self.reception.build.subject)

    async def signed_in(self, cookie: str, origin: str | None, method: str) -> Caller:
        """Return who signed in with a browser, from our own pages; raises Problem."""
        assert self.people is not None
        self.people.check_origin(origin, method)
        return await self.people.signed_in(cookie, self.reception.build.subject)

    async def named_person(self, tenant: str, name: str, *, by_name: bool = False) -> NamedPerson:
        """Find out who is to be erased; raises Problem."""
        return await self.erasing(lambda desk: desk.person(tenant, name, by_name=by_name))

    async def erasing(self, work: Callable[[ErasureDesk], T]) -> T:
        """Have something done at the desk of erasures, on a thread.

        Raises UnknownPerson and PersonHeld as it does, else Problem.
        """
        if self.erasures is None:
            raise Problem(503, "no-erasures", "nobody can be erased here: no key store was given")
        try:
            async with self._at_the_desk:
                return await asyncio.to_thread(work, self.erasures)
        except (UnknownPerson, PersonHeld):
            raise
        except Refused as error:
            raise Problem(422, "invalid", str(error)) from None
        except (Transient, KafkaException, TimeoutError, RegistryAway) as error:
            raise overloaded(f"the log of erasures does not answer: {error}") from None

    def is_taken(self, caller: Caller, identity: Identity, turn: KeyTurn) -> bool:
        """Tell whether a document's request is on the log, by whichever gateway took its key in.

        What is there takes nothing of a limit again.
        """
        is_there = turn.repeated or (
            bool(turn.fingerprint) and self.requests.find(identity.whose) is not None
        )
        if is_there and self.log.knows_all:  # else what is stored is not known
            self.quotas.tell_of_document(identity, caller.key)
        return is_there

    async def withdraw_once(
        self, caller: Caller, document: str, turn: KeyTurn, trace: str = ""
    ) -> str:
        """Withdraw a document, unless that is on the log under its key; returns the request's id.

        Raises Problem.
        """
        entry = self.access.document(caller, document)
        mark = turn.fingerprint and f"{turn.fingerprint}|withdraw|{entry.id}"
        identity = self.reception.identify_withdrawal(caller, entry.id, mark)
        if mark and self.requests.find(identity.whose) is not None:
            return identity.request
        return (await self.reception.withdraw(caller, entry.id, trace, mark)).request

    async def ask_once(self, caller: Caller, question: NewQuestion, resources: ExitStack) -> Watch:
        """Ask a question, unless it was asked before, and follow it; raises Problem.

        The outcomes are watched for as long as the resources are held, and before any can come.
        """
        identity = self.reception.identify(caller, question)
        standing = resources.enter_context(self.keys_in_use.hold(caller))
        outcomes = resources.enter_context(self.dispatch.subscribe(identity))
        is_live = self.log.ready
        earlier = self.requests.find(identity.whose) if question.fingerprint else None
        if earlier is None and question.fingerprint:
            # put there again it would be a duplicate, and its answer may have been given long ago
            self.access.check_all_known()
        if earlier is not None and question.has_key and not question.is_on_log:
            # another gateway took it in, with a body that this one does not know
            await self._firsts.hold_to(earlier, identity, question)
        if earlier is not None:
            self.quotas.tell_of_question(caller.tenant, caller.key)
        request = earlier
        if request is None:
            request = await self.reception.ask(caller, identity, question)
            if question.has_key:
                first = await self._firsts.first_of(request, outcomes)
                if first is not None:
                    await self._firsts.hold_to(first, identity, question)
        return Watch(request, outcomes, standing, from_log=earlier is not None or not is_live)
