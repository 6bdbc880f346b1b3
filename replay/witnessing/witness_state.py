"""A witness (C2SP tlog-witness): what it saw last of each log, and whether it cosigns the next.

It believes nobody. A checkpoint must be signed by a key that the operator named, and prove that it
goes on from the one that was seen last. That one is on the disk before anybody is answered, and is
read, compared and replaced in one transaction: of two requests at once, the second is told of the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from connectors.local_files import open_database, write_secret
from replay.seal.checkpoint import tree_of
from replay.seal.merkle import EMPTY, BadProof, check_consistency
from replay.seal.note import BadNote, VerifierKey, opened, parts_of, signature_in
from replay.witnessing.cosignature import Cosigner, cosigned
from replay.witnessing.witness_messages import (
    NOTE_TYPE,
    SIZE_TYPE,
    AddCheckpoint,
    monitored_path,
)

LOGS_MAX = 10_000
"""Logs that one witness keeps: whoever has a trusted key may name as many as he likes."""
ORIGIN_CHARACTERS_MAX = 1_000
SIZE_MAX = 2**63 - 1
KEY = "witness.key"
DATABASE = "witness.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class WitnessAnswer:
    """A status of HTTP with its body."""

    status: int
    body: str
    media_type: str = NOTE_TYPE


class WitnessState:
    """The latest checkpoints in a folder. May be used by threads and processes at once."""

    def __init__(
        self,
        folder: Path,
        cosigner: Cosigner,
        logs: Sequence[VerifierKey],
        now_s: Callable[[], int],
        logs_max: int = LOGS_MAX,
    ) -> None:
        """Open the folder; `logs` are the keys whose logs are cosigned.

        A key named NAME is believed for the origins NAME and NAME/…, as Playhead names partitions.
        Raises sqlite3.Error or OSError for a folder that can't be used.
        """
        self._cosigner = cosigner
        self._logs = tuple(logs)
        self._now_s = now_s
        self._logs_max = logs_max
        self._lock = Lock()
        self._store = open_database(folder / DATABASE, SCHEMA)

    def close(self) -> None:
        """Close the folder."""
        with self._lock:
            self._store.close()

    def add(self, body: bytes) -> WitnessAnswer:
        """Answer a request to cosign a checkpoint; raises sqlite3.Error on a full disk."""
        try:
            asked = AddCheckpoint.read(body)
            text, _ = parts_of(asked.note)
            origin, size, root, _ = tree_of(text)
            if len(origin) > ORIGIN_CHARACTERS_MAX:
                raise BadNote(f"an origin has at most {ORIGIN_CHARACTERS_MAX} characters")
        except BadNote as error:
            return _refusal(400, str(error))
        keys = [key for key in self._logs if origin == key.name or _is_below(origin, key.name)]
        if not keys:
            return _refusal(404, "the origin is not one that this witness was told of")
        try:
            opened(asked.note, keys)
        except BadNote as error:
            return _refusal(403, str(error))
        if asked.old > size or size > SIZE_MAX:
            return _refusal(400, f"the old size {asked.old} is above the checkpoint's, {size}")
        with self._transaction():
            return self._decided(asked, text, (origin, size, root), keys)

    def latest(self, path: str) -> WitnessAnswer:
        """Answer who asks for the latest checkpoint of a log, by its `monitored_path`."""
        with self._lock:
            row = self._store.execute("SELECT note FROM seen WHERE path = ?", (path,)).fetchone()
        return _refusal(404, "nothing was cosigned") if row is None else WitnessAnswer(200, row[0])

    def _decided(
        self,
        asked: AddCheckpoint,
        text: str,
        tree: tuple[str, int, bytes],
        keys: Sequence[VerifierKey],
    ) -> WitnessAnswer:
        origin, size, root = tree
        path = monitored_path(origin)
        row = self._store.execute("SELECT size, root FROM seen WHERE path = ?", (path,)).fetchone()
        seen, seen_root = row or (0, EMPTY)
        if asked.old != seen:
            return WitnessAnswer(409, f"{seen}\n", SIZE_TYPE)
        try:
            if row is None and self._is_full():
                return _refusal(404, f"this witness keeps {self._logs_max} logs, and no more")
            if not size and root != EMPTY:
                raise BadProof("a tree without leaves has another root")
            if size == seen and root != seen_root:
                return WitnessAnswer(409, f"{seen}\n", SIZE_TYPE)  # as the protocol has it
            check_consistency(asked.old, size, asked.proof, seen_root, root)
            line = self._cosigner.line(text, self._now_s())
        except (BadProof, BadNote) as error:
            return _refusal(422, str(error))
        kept = cosigned(_by_known(asked.note, keys), [line])
        self._store.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            "size = excluded.size, root = excluded.root, note = excluded.note",
            (path, size, root, kept),
        )
        return WitnessAnswer(200, line)

    def _is_full(self) -> bool:
        [count] = self._store.execute("SELECT count(*) FROM seen").fetchone()
        return bool(count >= self._logs_max)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Keep other threads and processes out; on the disk when it ends."""
        with self._lock:
            self._store.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._store.execute("COMMIT")
            finally:
                if self._store.in_transaction:
                    self._store.execute("ROLLBACK")


def cosigner_of(folder: Path, name: str | None, kind: bytes) -> Cosigner:
    """Read the witness's key, or make it; raises BadNote for another witness's, or no name."""
    path = folder / KEY
    if not path.exists():
        if name is None:
            raise BadNote("a new witness needs a name, such as witness.example.org/w1 (--name)")
        write_secret(path, Cosigner.new(name, kind).secret().encode() + b"\n")
    try:
        cosigner = Cosigner.read(path.read_text(encoding="ascii", errors="replace").strip())
    except BadNote as error:
        raise BadNote(f"{path}: {error}") from None
    if name not in {None, cosigner.verifier.name}:
        raise BadNote(f"{path} is the key of {cosigner.verifier.name}, not of {name}")
    return cosigner


def _is_below(origin: str, name: str) -> bool:
    return origin.startswith(f"{name}/")


def _by_known(note: str, keys: Sequence[VerifierKey]) -> str:
    """Return a note with the signatures of these keys alone."""
    text, lines = parts_of(note)
    known = {(key.name, key.key_id) for key in keys}
    kept = [line for line in lines if signature_in(line)[:2] in known]
    return text + "\n" + "".join(f"{line}\n" for line in kept)


def _refusal(status: int, why: str) -> WitnessAnswer:
    return WitnessAnswer(status, f"{why}\n")
