"""Which witnesses are believed, where they are asked, and how many are enough (C2SP tlog-policy).

    witness NAME VKEY [URL]
    group NAME all|any|NUMBER MEMBER…       members are witnesses and groups from lines above
    quorum NAME|none

A name is a member once, in one group: so each witness counts towards the quorum in one way only.
Lines that begin with # are comments. `log` lines are passed over: of which log it is tells the
seal's own key. On the command line a witness is URL#VKEY, and the quorum a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from replay.seal.note import BadNote, VerifierKey
from replay.witnessing.cosignature import witness_key

NONE = "none"
WITNESSES_MAX = 64  # a note has at most a hundred signatures
POLICY_BYTES_MAX = 1_000_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What no line of a policy may hold: of controls there is the tab alone."""


class BadPolicy(ValueError):
    """A policy that can't be read; the message names the line."""


@dataclass(frozen=True)
class HttpWitness:
    """A witness that is asked over HTTP, or, without an address, is only believed."""

    key: VerifierKey
    url: str = ""
    """Its prefix, without a slash at the end."""

    @property
    def name(self) -> str:
        """The name that it signs by."""
        return self.key.name


@dataclass(frozen=True)
class Quorum:
    """So many of these are needed; each is a witness's key or another group."""

    least: int
    members: tuple[VerifierKey | Quorum, ...]

    def holds(self, signed: Collection[VerifierKey]) -> bool:
        """Tell whether enough have signed."""
        met = sum(
            one.holds(signed) if isinstance(one, Quorum) else one in signed for one in self.members
        )
        return met >= self.least


NOBODY = Quorum(0, ())


@dataclass(frozen=True)
class WitnessPolicy:
    """The witnesses of a log, and the rule by which a checkpoint counts as witnessed."""

    witnesses: tuple[HttpWitness, ...] = ()
    quorum: Quorum = NOBODY

    @property
    def keys(self) -> list[VerifierKey]:
        """The keys of all witnesses."""
        return [one.key for one in self.witnesses]


def given_witness(spelt: str) -> HttpWitness:
    """Read a witness of the command line, URL#VKEY; raises BadPolicy."""
    url, parted, key = spelt.partition("#")
    if not parted:
        raise BadPolicy(
            f"{spelt[:200]} names no key: write it as URL#VKEY, as the witness publishes it, since "
            "an answer is worth its signature alone"
        )
    return _witness(key, url)


def policy_of(witnesses: Iterable[HttpWitness], least: int | None = None) -> WitnessPolicy:
    """Make the policy of the command line: so many of these, none where it is not said.

    Raises BadPolicy where there are not so many, or one stands there twice.
    """
    listed = tuple(witnesses)
    _check_distinct(listed)
    if least is not None and least > len(listed):
        raise BadPolicy(f"{least} witnesses are to cosign, and only {len(listed)} are named")
    return WitnessPolicy(listed, Quorum(least or 0, tuple(one.key for one in listed)))


def read_policy(path: Path) -> WitnessPolicy:
    """Read a policy's file; raises BadPolicy, and OSError where it can't be read."""
    with path.open("rb") as file:
        content = file.read(POLICY_BYTES_MAX + 1)
    if len(content) > POLICY_BYTES_MAX:
        raise BadPolicy(f"{path} has more than {POLICY_BYTES_MAX} bytes")
    try:
        return _parsed(content.decode().split("\n"))
    except (BadPolicy, UnicodeDecodeError) as error:
        raise BadPolicy(f"{path}: {error}") from None


def _parsed(lines: Sequence[str]) -> WitnessPolicy:
    witnesses: list[HttpWitness] = []
    named: dict[str, VerifierKey | Quorum] = {}
    grouped: set[str] = set()
    quorums: list[Quorum] = []
    for number, line in enumerate(lines, start=1):
        if CONTROL.search(line):
            raise BadPolicy(f"line {number} holds a control character")
        words = line.replace("\t", " ").split(" ")
        match [word for word in words if word]:
            case [] | ["log", _] | ["log", _, _]:
                continue
            case [first, *_] if first.startswith("#"):
                continue
            case ["witness", name, key, *url] if len(url) < 2:
                witness = _witness(key, url[0] if url else "", number)
                witnesses.append(witness)
                _define(named, name, witness.key, number)
            case ["group", name, least, member, *others]:
                members = [_defined(named, one, number) for one in (member, *others)]
                _group(grouped, (member, *others), number)
                _define(named, name, Quorum(_least(least, members, number), tuple(members)), number)
            case ["quorum", name]:
                rule = NOBODY if name == NONE else Quorum(1, (_defined(named, name, number),))
                quorums.append(rule)
            case _:
                raise BadPolicy(
                    f"line {number} is no line of a policy (log, witness, group, quorum)"
                )
    if len(quorums) != 1:
        raise BadPolicy(f"a policy has one line `quorum`, this one has {len(quorums)}")
    _check_distinct(witnesses)
    return WitnessPolicy(tuple(witnesses), quorums[0])


def _witness(key: str, url: str, number: int = 0) -> HttpWitness:
    where = f"line {number}: " if number else ""
    try:
        believed = witness_key(key)
    except BadNote as error:
        raise BadPolicy(f"{where}{error}") from None
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        plain = plain and not (parts.query or parts.fragment)
    except ValueError:
        plain = False
    if url and not plain:
        raise BadPolicy(f"{where}{url[:200]!r} is no address of a witness: https://HOST/PREFIX")
    return HttpWitness(believed, url.rstrip("/"))


def _define(
    named: dict[str, VerifierKey | Quorum], name: str, what: VerifierKey | Quorum, number: int
) -> None:
    if name in named or name == NONE:
        raise BadPolicy(f"line {number}: {name[:100]} is defined already")
    named[name] = what


def _defined(
    named: dict[str, VerifierKey | Quorum], name: str, number: int
) -> VerifierKey | Quorum:
    if name not in named:
        raise BadPolicy(f"line {number}: no line above defines {name[:100]}")
    return named[name]


def _group(grouped: set[str], members: Iterable[str], number: int) -> None:
    for name in members:
        if name in grouped:
            raise BadPolicy(
                f"line {number}: {name[:100]} is a member of a group already, and would count twice"
            )
        grouped.add(name)


def _least(spelt: str, members: Sequence[object], number: int) -> int:
    known = {"all": len(members), "any": 1}
    digits = spelt.isascii() and spelt.isdecimal() and len(spelt) < 4
    least = known.get(spelt, int(spelt) if digits else 0)
    if not 1 <= least <= len(members):
        raise BadPolicy(
            f"line {number}: a group of {len(members)} needs all, any, or 1 to {len(members)}"
        )
    return least


def _check_distinct(witnesses: Sequence[HttpWitness]) -> None:
    if len(witnesses) > WITNESSES_MAX:
        raise BadPolicy(f"there are {len(witnesses)} witnesses: at most {WITNESSES_MAX} are asked")
    keys = [one.key.key for one in witnesses]
    for one in witnesses:
        if keys.count(one.key.key) > 1:
            raise BadPolicy(f"the key of {one.name} stands there twice")
