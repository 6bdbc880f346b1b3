"""A log in memory with a seal: put records, seal, tamper, audit."""

from dataclasses import replace

from replay.seal.audit import KnownCheckpoint, audited
from replay.seal.audit_report import audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.note import Signer
from replay.seal.receipt import as_string
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import seal
from schemas import QuestionAsked
from streams.topics import topic_of
from tests.memory_log import MemoryLog

TOPIC = topic_of(QuestionAsked)
PLACE = TOPIC, 0
SIGNER = Signer.new("playhead-test")


class SealedLog:
    """Records of one partition, and what was sealed of them."""

    def __init__(self, folder):
        self.log = MemoryLog()
        self.folder = SealFolder(folder)
        self.read = []
        """The extents that the sealer read."""

    def put(self, count):
        for _ in range(count):
            number = len(self.log.topics.get(PLACE, ()))
            text = f"value {number}"
            self.log.put(TOPIC, b"\x02?" + as_string(text) + b"\x02?", timestamp_ms=number)
        return self

    def records_of(self, extent):
        self.read.append((extent.begin, extent.end))
        rows = self.log.topics.get((extent.topic, extent.partition), ())
        return (one for one in rows if extent.begin <= one.offset < extent.end)

    def seal(self, signer=SIGNER):
        return list(seal(self.log.extents(), self.records_of, self.folder, signer))

    @property
    def rows(self):
        return self.log.topics[PLACE]

    def notes(self):
        return list(self.folder.tree(*PLACE).notes())

    def known(self, notes=None, by="archive"):
        found = Checkpoints([SIGNER.verifier])
        for note in self.notes() if notes is None else notes:
            found.take(note, PLACE, by)
        return found

    def audited(self, known=None, tiles=None):
        """The audit of the partition alone."""
        found = known or self.known()
        return audited(
            PLACE,
            lambda: iter(self.rows),
            found.by_place[PLACE],
            tiles or self.folder.tree(*PLACE).tiles,
        )

    def report(self):
        known = Checkpoints([SIGNER.verifier])
        known.take_all(of_folder(self.folder), "archive")
        return audit(self.log, self.folder, known)


def edited(row, value=b"another"):
    return replace(row, value=value)


def as_known(checkpoint, by):
    return KnownCheckpoint(checkpoint, by)
