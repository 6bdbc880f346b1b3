"""The claim store: bodies too large for a record, as objects named by the SHA-256 of their content.

What lies here is ciphertext, so the folder or bucket needs no more protection than the log does,
and nobody reads another tenant's: it opens with that tenant's keys alone. Equal content is one
object; an object is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import re

from agents.errors import KeyDestroyed, Permanent
from connectors.bucket_objects import objects_at
from connectors.object_store import ObjectStore
from streams.settings import Settings

NAME = re.compile(r"[0-9a-f]{64}")
EXPIRED = ".expired"
"""Ends the name of the object that stands for a body that was deleted on time, and says why."""


class Claims:
    """Bodies by name; any thread may call. Raises Transient where the store can't be reached."""

    def __init__(self, objects: ObjectStore, place: str) -> None:
        """`place` is what messages call the store: a folder, or an address."""
        self._objects = objects
        self.place = place

    def put(self, content: bytes) -> str:
        """Store content durably and return its name."""
        name = hashlib.sha256(content).hexdigest()
        if self._objects.size(name) != len(content):
            self._objects.put(name, content)
        return name

    def get(self, name: str) -> bytes:
        """Read content; raises Permanent when it is missing or not what its name says.

        Of what was deleted on time it is KeyDestroyed: a replay counts that as erased.
        """
        _check_name(name)
        content = self._objects.get(name)
        if content is None:
            if why := self.expired(name):
                raise KeyDestroyed(f"claim {name} was deleted: {why}")
            raise Permanent(
                f"claim {name} is not in {self.place}: bring the claim store that goes with this "
                "log (PLAYHEAD_CLAIMS)"
            )
        if hashlib.sha256(content).hexdigest() != name:
            raise Permanent(f"claim {name} was changed: restore {self.place}/{name} from a copy")
        return content

    def expire(self, name: str, why: str) -> bool:
        """Delete content for good, and leave word why; tells whether it was there.

        Word comes first: after a crash in between, the next call deletes. Raises Permanent for no
        name.
        """
        _check_name(name)
        if self._objects.size(name) is None:
            if self.expired(name):  # a bucket may have kept versions, where a crash came between
                self._objects.delete(name)
            return False
        self._objects.put(name + EXPIRED, why.encode(), fresh=True)
        self._objects.delete(name)
        return True

    def expired(self, name: str) -> str:
        """Say why content was deleted on time; empty where it was not."""
        return (self._objects.get(name + EXPIRED) or b"").decode(errors="replace")


def claims_at(settings: Settings) -> Claims:
    """Return the claim store of the settings: a folder, or a bucket."""
    return Claims(objects_at(settings, settings.claims_place), settings.claims_place)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise Permanent(f"claim {name!r}: a claim is named by 64 hexadecimal digits")
