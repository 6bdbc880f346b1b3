"""Held slots: files of the run folder tell that who had a slot before is no more.

Whose place in a group is taken works on until it hears of it, so who takes it waits for that (see
`slot`). A process that was killed hears nothing more, and does nothing: its slot can be taken at
once by who knows that it is dead.

    everyone with a slot  holds a lock of its file for as long as the process lives, shared with
                          whoever has the same slot by mistake
    who holds it alone    notes there which boot of the machine this is, and what the group calls it
    who comes later       finds no other lock, this boot, and that the group knows the slot by the
                          member that stands there: that one's process has ended

Whatever else is found proves nothing: another machine's note, a file that can't be read or locked,
a broker that does not answer, a member that is another. Then who comes waits, as without a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from streams.delivery.slot import Members, instance_of, members_of
from streams.log.offsets import NoAnswer
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("slot")

FOLDER = "slots"
BOOT = Path("/proc/sys/kernel/random/boot_id")
NOTE_BYTES_MAX = 4_096
_LOCK = "hhqqi0q"  # C's struct flock, of the whole file
_OURS_ALONE = fcntl.F_UNLCK
MembersOf = Callable[[Settings, Collection[str]], Mapping[str, Members]]


class HeldSlot:
    """A slot of one group, held by this process until it ends."""

    def __init__(self, path: Path, boot: str) -> None:
        """Take a share of its lock; raises OSError where the file can't be made or locked."""
        self._boot = boot
        self._said = ""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_RDLCK))
            asked = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK))
            self._alone = struct.unpack(_LOCK, asked)[0] == _OURS_ALONE
            self.before = self._noted() if self._alone else ""
            """The member of the group that had the slot in a process of this machine that has
            ended; empty where none is known."""
        except BaseException:
            os.close(self._descriptor)
            raise
        self.is_left = False
        """Whether the group had the slot for that member when it was asked last."""

    def __del__(self) -> None:
        """Let go: in a worker, with the process."""
        with suppress(OSError, AttributeError):
            os.close(self._descriptor)

    def _noted(self) -> str:
        """Read which member stands there, if it had the slot since this machine was started."""
        try:
            note = json.loads(os.pread(self._descriptor, NOTE_BYTES_MAX, 0) or b"{}")
        except (ValueError, RecursionError):  # its writer was killed over it, or it is not ours
            return ""
        ours = isinstance(note, dict) and note.get("boot") == self._boot
        return str(note.get("member", "")) if ours else ""

    def note(self, member: str) -> None:
        """Note what the group calls us; for the reader's thread alone."""
        if not self._alone or member == self._said:
            return
        note = json.dumps({"boot": self._boot, "member": member}).encode()
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, note, 0)
        except OSError as error:  # who comes next waits
            log.warning("the slot's file can't be written", error=error.strerror)
        else:
            self._said = member


NONE: Mapping[str, HeldSlot] = {}


def hold_slots(
    settings: Settings, groups: Iterable[str], members_of: MembersOf = members_of, boot: Path = BOOT
) -> Mapping[str, HeldSlot]:
    """Hold our slot of some groups, as far as it can be; blocks for as long as the broker may.

    Call it just before the groups are joined: what it finds holds for then.
    """
    if not settings.slot or not hasattr(fcntl, "F_OFD_SETLK"):
        return NONE
    folder, held = settings.run / FOLDER, {}
    try:
        name = boot.read_text(encoding="ascii").strip()
        folder.mkdir(parents=True, exist_ok=True)
        for group in groups:
            held[group] = HeldSlot(folder / quote(instance_of(group, settings.slot), ""), name)
    except OSError as error:  # an early start is all that is lost
        log.info("slots can't be held", folder=str(folder), error=error.strerror)
        return NONE
    if asked := [group for group, slot in held.items() if slot.before]:
        try:
            members = members_of(settings, asked)
        except NoAnswer as error:
            log.info("the broker does not tell who has the slots", reason=str(error))
            return held
        for group in asked:
            held[group].is_left = held[group].before in members[group].members
    return held


def _lock(kind: int) -> bytes:
    return struct.pack(_LOCK, kind, os.SEEK_SET, 0, 0, 0)
