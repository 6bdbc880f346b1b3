"""Manuals and titles: where capitals make no names, or rare ones.

A manual is told by the share of words that manuals of programs are full of, and of words spelt like
code; a title by small words with capitals among words with capitals (`Of The 70s You Are`).
"""

from __future__ import annotations

import regex

from agents.conversation.english import ENGLISH

SHORT = 12
"""Words of a paragraph that is judged by those around it."""
WORDS_MIN, SHARE_MIN = 3, 0.06
"""So many such words, and so large a part of all of them, make a manual."""
_LISTED = """
access admin api apis app apps application applications attribute attributes aws azure backup
backups boolean browser bucket buckets cache callback certificate certificates cli click client
clients cloud cluster clusters command commands compute config configuration configurations
configure configured console container containers cpu credentials database databases dataset
datasets default deploy deployed deployment deployments directory disk dns docker documentation
domain domains download encrypted encryption endpoint endpoints file filename files firewall folder
function functions gateway github gpu header host hostname hosts html http https iam ide identifier
ids index indexes input install installed instance instances integer interface invalid ios iops
java javascript json jvm kafka kernel kubernetes lambda latency license linux load localhost log
logging login logs macos memory metadata metric metrics model module modules mysql namespace
network networks node nodes null object objects optional output outputs overview package packages
param parameter parameters parse partition permission permissions php pipeline plugin plugins port
ports prerequisites protocol proxy python query queries queue queues regex replica repository
request requests required resource resources response restart retry rollback root router runtime
scalable schema script scripts sdk sdks section select server serverless servers service services
settings shard shell snapshot snapshots software specify sql ssh ssl stack storage stream string
subnet subnets sudo syntax table tables tag tags template templates terminal thread throughput
timeout timestamp tls token tokens topic topics traffic tutorial ubuntu upload url urls user
username users vm volume volumes vpc warranties webhook windows workflow workflows workload xml yaml
"""
WORDS = frozenset(_LISTED.split())
SMALL_MIN = 2
"""So many small words with capitals make a title."""
_SMALL = frozenset(word for word in ENGLISH.function | ENGLISH.auxiliaries if len(word) > 1)
_CAPITAL = r"(?:\p{Lu}[\p{L}'’]*+|\d++s?+)"
_CAPITALS = regex.compile(rf"(?<![\p{{L}}\d]){_CAPITAL}(?:[,:;]?+[ ]{_CAPITAL}){{4,}}+")
_BETWEEN = regex.compile(r"\n\s*\n")
_TOKEN = regex.compile(r"[\p{L}\d_]+")
_SPELT = regex.compile(r"\p{L}*\p{Ll}\p{Lu}\p{L}*|\p{L}+_[\p{L}_]+")
_NAMED = regex.compile(r"(?:Mc|Mac|De|Di|Du|Del|La|Le|Van|Von|Fitz|O)\p{Lu}\p{Ll}+")


def manual_marks(text: str) -> bytes:
    """Say of each character whether it is in a title, or in a paragraph that reads like a manual.

    Short paragraphs of a manual count, too.
    """
    parts, start = [], 0
    for end in (*(match.end() for match in _BETWEEN.finditer(text)), len(text)):
        parts.append((end - start, *_counted(text[start:end])))
        start = end
    whole = _manual(sum(found for _, found, _ in parts), sum(words for *_, words in parts))
    marked = bytearray().join(
        bytes([_manual(found, words) or (whole and words <= SHORT)]) * size
        for size, found, words in parts
    )
    for run in _CAPITALS.finditer(text):
        small = sum(word.istitle() and word.lower() in _SMALL for word in run[0].split()[1:])
        if small >= SMALL_MIN:
            marked[run.start() : run.end()] = b"\1" * len(run[0])
    return bytes(marked)


def _counted(text: str) -> tuple[int, int]:
    words = _TOKEN.findall(text)
    found = sum(word.lower() in WORDS or _spelt(word) for word in words)
    return found, len(words)


def _spelt(word: str) -> bool:
    return bool(_SPELT.fullmatch(word)) and not _NAMED.fullmatch(word)


def _manual(found: int, words: int) -> bool:
    return found >= WORDS_MIN and found >= SHARE_MIN * words
