"""Asking a witness over HTTP (C2SP tlog-witness).

An answer is worth the signature in it. What a witness says otherwise is told to the operator, and
believed in nothing but the size from which a proof has to begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from replay.bounded_http import (
    ANSWER_S,
    BoundedHttp,
    NoHttpAnswer,
    UselessAnswer,
    cut_short,
    refused,
)
from replay.seal.note import BadNote, VerifierKey, opened
from replay.witnessing.cosignature import Cosignature, cosignatures, cosigned
from replay.witnessing.witness_messages import ADD_CHECKPOINT, AddCheckpoint, monitored_path
from replay.witnessing.witness_policy import HttpWitness

AHEAD_S_MAX = 3_600
"""How far a witness's clock may be ahead of ours."""
SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")
MEANINGS = {
    403: "it does not know the key that signs this log: tell its operator the new one",
    404: "it does not know this log: have its operator add the key (`playhead audit key`)",
    422: "what it saw of this log is not the beginning of what lies here: the log was changed, or "
    "somebody else signs by its key",
}


class WitnessFault(Exception):
    """What a witness did that is of no use; the message says what, and what it means."""


class WitnessAway(WitnessFault):
    """A witness can't be asked now: it is asked again at the next seal."""


class WitnessContradicts(WitnessFault):
    """A witness says that it saw another log than the one that lies here, or more of it."""


@dataclass(frozen=True)
class Conflict:
    """The size of the tree that a witness saw last."""

    size: int


class WitnessClient:
    """Asks one witness; an asynchronous context manager."""

    def __init__(
        self, witness: HttpWitness, now_s: Callable[[], int], answer_s: float = ANSWER_S
    ) -> None:
        self._witness = witness
        self._now_s = now_s
        self._http = BoundedHttp(answer_s)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.__aexit__(*error)

    async def add_checkpoint(self, asked: AddCheckpoint) -> Cosignature | Conflict:
        """Ask for a cosignature; raises WitnessFault."""
        status, body = await self._ask("POST", ADD_CHECKPOINT, asked.spelt())
        if status == 409:
            told = SIZE.fullmatch(body)
            if asked.is_of_the_same_size and (told is None or int(told[1]) == asked.old):
                raise WitnessContradicts(
                    f"it has seen another tree of {asked.old} records than lies here: the log was "
                    "changed, or somebody else signs by its key"
                )
            if told is None:
                raise WitnessFault(f"it answered 409 without a size: {cut_short(body)}")
            return Conflict(int(told[1]))
        if status != 200:
            said = refused(status, body, MEANINGS)
            raise WitnessContradicts(said) if status == 422 else WitnessFault(said)
        return self._checked(asked.note, body)

    async def latest(self, origin: str, log: Sequence[VerifierKey]) -> str | None:
        """Return the newest checkpoint that it cosigned, by the log's key and its own.

        None where it never cosigned one. Raises WitnessFault.
        """
        status, body = await self._ask("GET", monitored_path(origin))
        if status == 404:
            return None
        if status != 200:
            raise WitnessFault(refused(status, body, MEANINGS))
        try:
            note = body.decode()
            text = opened(note, log).text
            if not cosignatures(note, [self._witness.key]):
                raise BadNote("it is not cosigned by the key of this witness")
        except (BadNote, UnicodeDecodeError) as error:
            raise WitnessFault(f"what it shows is no checkpoint of this log: {error}") from None
        if text.partition("\n")[0] != origin:
            raise WitnessFault(f"it shows the checkpoint of another log, not of {origin}")
        return note

    def _checked(self, note: str, body: bytes) -> Cosignature:
        try:
            lines = [f"{line}\n" for line in body.decode().removesuffix("\n").split("\n")]
            found = cosignatures(cosigned(note, lines), [self._witness.key])
        except (BadNote, UnicodeDecodeError) as error:
            raise WitnessFault(f"its answer is no cosignature of this tree: {error}") from None
        if not found:
            raise WitnessFault(
                f"its answer is not signed by the key it is known by ({self._witness.name})"
            )
        if found[0].at_s > self._now_s() + AHEAD_S_MAX:
            raise WitnessFault("its cosignature is of the future: a clock is wrong, there or here")
        return found[0]

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            return await self._http.ask(method, f"{self._witness.url}/{path}", body)
        except NoHttpAnswer as error:
            raise WitnessAway(str(error)) from None
        except UselessAnswer as error:
            raise WitnessFault(str(error)) from None
