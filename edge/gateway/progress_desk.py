"""The progress desk: readers follow uploads, and documents from the log, until they are settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

from edge.answering.bounds import Bounds
from edge.answering.cursors import Frame
from edge.answering.document_progress import (
    DOCUMENT_RESULTS,
    DocumentProgress,
    ProgressCursor,
    bad_cursor,
)
from edge.answering.following import Follower, Watch
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.callers.standing import KeysInUse
from edge.gateway.upload_desk import UploadDesk, UploadStanding
from edge.listening.entries import Entry, Gap
from edge.listening.known_documents import KnownDocument
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.problems import Problem, overloaded

Bursts = AsyncGenerator[list[Frame], None]


@dataclass
class ProgressStream:
    """What one reader is told; remembers how far that came."""

    request: str
    cursor: str
    """The last that was told; empty for none."""
    told: Bursts

    async def bursts(self) -> Bursts:
        """Yield frames, those together that are there at the same time; raises Problem."""
        async with aclosing(self.told) as told:
            async for burst in told:
                self.cursor = burst[-1]["cursor"]
                yield burst

    def failed(self, problem: Problem, trace_id: str) -> Frame:
        """Spell a problem as the last frame: its cursor is the one to come back with."""
        return {**problem.frame(self.request, trace_id), "cursor": self.cursor}


class ProgressDesk:
    """Tells readers how uploads and documents come along; lives on one event loop."""

    def __init__(
        self,
        access: Access,
        follower: Follower,
        requests: KnownRequests,
        keys_in_use: KeysInUse,
        uploads: UploadDesk,
        bounds: Bounds,
        stopping: Callable[[], bool],
    ) -> None:
        self._access = access
        self._follower = follower
        self._requests = requests
        self._keys_in_use = keys_in_use
        self._uploads = uploads
        self._bounds = bounds
        self._stopping = stopping

    def document(
        self, caller: Caller, document: KnownDocument, cursor: ProgressCursor
    ) -> ProgressStream:
        """Follow a document's newest request, or the one of a cursor; raises Problem."""
        name = cursor.request or document.newest.request
        request = self._requests.find((caller.tenant, name))
        if request is None or request.session != document.id or request.subject:
            raise bad_cursor() if cursor.request else overloaded("its request is not known yet")
        bursts = self._of_document(caller, request, cursor.rank)
        return ProgressStream(name, cursor.spelt() if cursor.request else "", bursts)

    async def _of_document(self, caller: Caller, request: KnownRequest, told: int) -> Bursts:
        progress = DocumentProgress(request.session, request.request, told)
        with ExitStack() as held:
            watch = self._follower.take_up(caller, request, held)
            if frames := progress.accepted():
                yield frames
            entries = await self._follower.read_back(request, DOCUMENT_RESULTS)
            while True:
                self._access.document(caller, request.session)  # it may be closed to them by now
                if frames := progress.take(entries):
                    yield frames
                if progress.is_over:
                    return
                entries = await self._more(watch)

    async def _more(self, watch: Watch) -> list[Entry]:
        """Wait for entries of a request; raises Problem."""
        self._check_going_on()
        watch.standing.check()
        try:
            return [await watch.outcomes.next(self._bounds.tick_s)]
        except TimeoutError:
            return []
        except Gap:
            raise overloaded("the stream was interrupted: resume from the last cursor") from None

    def upload(
        self, caller: Caller, standing: UploadStanding, cursor: ProgressCursor
    ) -> ProgressStream:
        """Follow an upload, and then its document; raises Problem."""
        request = standing.identity.request
        if cursor.request not in ("", request):
            raise bad_cursor()
        bursts = self._of_upload(caller, standing, cursor)
        return ProgressStream(request, cursor.spelt() if cursor.request else "", bursts)

    async def _of_upload(
        self, caller: Caller, standing: UploadStanding, cursor: ProgressCursor
    ) -> Bursts:
        # who was told of the document knows that all had arrived
        told = standing.upload.note.length if cursor.rank >= 0 else cursor.offset
        with self._keys_in_use.hold(caller) as key:
            while True:
                if standing.offset > told:
                    told = standing.offset
                    yield [_arrived(standing)]
                if standing.upload.is_done:
                    break
                self._check_going_on()
                key.check()
                await asyncio.sleep(self._bounds.tick_s)
                standing = await self._uploads.standing(caller, standing.upload.id)
        request = await self._known(standing)
        async for burst in self._of_document(caller, request, cursor.rank):
            yield burst

    async def _known(self, standing: UploadStanding) -> KnownRequest:
        """Wait until this gateway's reader comes to a request that another one took in.

        Raises Problem where that takes long.
        """
        while (request := self._requests.find(standing.identity.whose)) is None:
            self._access.check_all_known()
            self._check_going_on()
            await asyncio.sleep(self._bounds.tick_s)
        return request

    def _check_going_on(self) -> None:
        if self._stopping():
            raise overloaded("the gateway is shutting down: resume from the last cursor")


def _arrived(standing: UploadStanding) -> Frame:
    request = standing.identity.request
    return {
        "type": "upload",
        "request_id": request,
        "cursor": ProgressCursor(request, offset=standing.offset).spelt(),
        "upload_id": standing.upload.id,
        "offset": standing.offset,
        "length": standing.upload.note.length,
    }
