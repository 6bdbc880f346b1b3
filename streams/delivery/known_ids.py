"""Ids that a lane remembers, in some 40 bytes each, with what is known of them.

Columns in arrays in place of objects: an entry of a dict with an id and a number takes 150 bytes.
Ids of ours are UUIDs and are kept whole, as 16 bytes, so nothing is ever taken for something else.
A foreign id is kept as its SHA-256, by which its bodies are named too; half of it stands beside.

Entries lie in a ring, found by a table of chains: entry -> the one before of the same chain.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from hashlib import sha256

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
KEY_BYTES = 16
NONE = 0
"""Of a chain: no entry; entries count from 1."""
CHAINS_MIN = 256
NOWHERE = -1


class KnownIds:
    """A bounded memory of ids; the one that was entered first is forgotten first.

    An id is known for `size` further entries at least. One that is touched again counts as entered
    anew where a sixteenth of that lies between: so what is used at once is moved once.
    """

    def __init__(self, size: int) -> None:
        self._slack = max(1, size // 16)
        self._capacity = size + self._slack
        self._entered = 0
        """Entries made so far: entry number n lies at n modulo the capacity."""
        self._keys = bytearray()
        self._type = "H" if self._capacity < 2**16 - 1 else "I"
        self._before = array(self._type)
        self._chains = array(self._type, [NONE]) * CHAINS_MIN
        self._last: tuple[str | None, int] = None, 0
        """The id that was found or entered last, which mostly is asked for next."""
        self._foreign: dict[int, bytes] = {}
        """Entry -> the other half of the digest, of ids that are no UUIDs."""
        self.begun = array("i")
        """The highest number of a run over it."""
        self.answered = array("i")
        """That of a run that was closed; 0: none."""
        self.finished = array("i")
        """An attempt of the input that was run to its end; 0: none."""
        self.closed_at = array("q")
        """A place at which it was closed."""
        self._more: dict[int, set[tuple[str, int]]] = {}
        """Entry -> what its columns have no room for: other attempts, other places."""

    def __len__(self) -> int:
        return len(self.begun)

    def find(self, name: str) -> int | None:
        """Return the entry of an id, None where it is not known; it holds until `enter` is used."""
        if name == self._last[0]:
            return self._last[1]
        key, rest = _key_of(name)
        keys, before, foreign = self._keys, self._before, self._foreign
        entry = self._chains[hash(key) % len(self._chains)]
        while entry:
            at = entry - 1
            if keys.startswith(key, at * KEY_BYTES) and foreign.get(at) == rest:
                self._last = name, at
                return at
            entry = before[at]
        return None

    def enter(self, name: str) -> int:
        """Return the entry of an id, a new one where it is not known or would be forgotten soon."""
        at = self.find(name)
        if at is None:
            return self._enter(name)
        age = (self._entered - 1 - at) % self._capacity
        if age < self._slack:
            return at
        values = [column[at] for column in self._columns]
        more = self._more.get(at)
        moved = self._enter(name)
        if moved != at:
            self._unchain(at)
            self._foreign.pop(at, None)
            self._more.pop(at, None)
            # nobody finds it any more; it is overwritten in its turn
        for column, value in zip(self._columns, values, strict=True):
            column[moved] = value
        if more:
            self._more[moved] = more
        return moved

    def add(self, at: int, kind: str, value: int) -> None:
        """Note an attempt that was `finished`, or a place that was `closed`, beside those known."""
        column, nothing = (self.finished, 0) if kind == "finished" else (self.closed_at, NOWHERE)
        if column[at] in {nothing, value}:
            column[at] = value
        else:
            self._more.setdefault(at, set()).add((kind, value))

    def has(self, at: int, kind: str, value: int) -> bool:
        """Say whether that was noted."""
        column = self.finished if kind == "finished" else self.closed_at
        return column[at] == value or (kind, value) in self._more.get(at, ())

    def places(self) -> Iterator[int]:
        """Yield all places that are noted as closed."""
        yield from self.closed_at
        for more in self._more.values():
            yield from (value for kind, value in more if kind == "closed")

    @property
    def _columns(self) -> tuple[array[int], ...]:
        return self.begun, self.answered, self.finished, self.closed_at

    def _enter(self, name: str) -> int:
        key, rest = _key_of(name)
        at = self._entered % self._capacity
        self._entered += 1
        if at == len(self):
            self._keys += key
            self._before.append(NONE)
            for column, nothing in zip(self._columns, (0, 0, 0, NOWHERE), strict=True):
                column.append(nothing)
            if len(self) > len(self._chains):
                self._spread()
        else:
            self._unchain(at)
            self._foreign.pop(at, None)
            self._more.pop(at, None)
            self._keys[at * KEY_BYTES : (at + 1) * KEY_BYTES] = key
            for column, nothing in zip(self._columns, (0, 0, 0, NOWHERE), strict=True):
                column[at] = nothing
        if rest is not None:
            self._foreign[at] = rest
        self._chain(at, key)
        self._last = name, at
        return at

    def _chain_of(self, key: bytes | bytearray) -> int:
        return hash(bytes(key)) % len(self._chains)  # salted: nobody can make a long chain

    def _key_at(self, at: int) -> bytearray:
        return self._keys[at * KEY_BYTES : (at + 1) * KEY_BYTES]

    def _chain(self, at: int, key: bytes | bytearray) -> None:
        chain = self._chain_of(key)
        self._before[at] = self._chains[chain]
        self._chains[chain] = at + 1

    def _unchain(self, at: int) -> None:
        chain = self._chain_of(self._key_at(at))
        entry = self._chains[chain]
        if entry == at + 1:
            self._chains[chain] = self._before[at]
            return
        while entry != NONE:
            before = self._before[entry - 1]
            if before == at + 1:
                self._before[entry - 1] = self._before[at]
                return
            entry = before

    def _spread(self) -> None:
        """Have twice as many chains."""
        self._chains = array(self._type, [NONE]) * (2 * len(self._chains))
        for at in range(len(self) - 1):
            self._chain(at, self._key_at(at))


def _key_of(name: str) -> tuple[bytes, bytes | None]:
    """Return what an id is found by, and what it differs in from another that is found by that."""
    if _UUID.fullmatch(name):
        return bytes.fromhex(name.replace("-", "")), None
    digest = sha256(name.encode("utf-8", "surrogatepass")).digest()
    return digest[:KEY_BYTES], digest[KEY_BYTES:]
