"""Opposites: what a question calls one thing, and a statement by the contrary.

A statement that tells what female hormones do is nearest to a question for male ones, and no answer
to it. Pairs of common words of English, whose sides exclude each other where they are said of the
same thing, and words with a beginning that negates. agents/checking weighs some of them among all
that a question claims; here one of them decides, so it has to stand beside the same words. What
tells the same event from its two ends (win and lose, buy and sell) is no such pair.

Of SQuAD 2's questions with three other passages, 8.6 and 6.4 % of the unanswerable of two halves of
its titles are told so, and 0.4 and 0.5 % of the answerable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import regex

from agents.language import STOP_WORDS, stem, words

BESIDE = 4  # words on either side by which two words are known to be said of the same thing
TELLING_MIN = 4  # letters of a word beside that tells of what
SHORT = 5  # letters up to which a word is known as it is written: its stem says too little

_PAIRS = """
small few little minor slight tiny short lesser fewer smaller less / large big many great major
  long greater larger more vast huge
old ancient former older previous early earlier / new modern recent newer young younger current
  late later latter newly
high highest upper top higher up above / low lowest lower bottom down below
first initial beginning start started began begin onset / last final end ending ended finish
  finished conclusion
male man men boy boys father fathers son sons king husband brother / female woman women girl
  girls mother mothers daughter daughters queen wife sister
north northern / south southern
east eastern / west western
increase increased increasing increases rise rose rising raise raised grew growth gain gained
  expand expanded / decrease decreased decreasing decreases fall fell falling drop dropped
  decline declined lower lowered reduce reduced reduction shrink shrank loss
strong stronger strength strongest / weak weaker weakness weakest
allow allowed allows permit permitted permits accept accepted agree agreed approve approved
  approval acceptance legal / forbid forbidden prohibit prohibited prohibits refuse refused
  reject rejected deny denied ban banned disagree disagreed refusal rejection illegal oppose
  opposed
import imported imports importer / export exported exports exporter
public / private
rich wealthy wealth / poor poverty
simple easy easier / complex difficult harder hard complicated
internal inside inner interior within / external outside outer exterior outwith
near nearby close closest nearest / far distant away farthest
positive / negative
active activate activated activates / inactive passive deactivate deactivated inactivate
better best superior improve improved improvement / worse worst inferior worsen worsened
include included includes including / exclude excluded excludes excluding
cause causes caused / prevent prevents prevented
open opened opens / closed closes shut
safe safety secure security / dangerous danger unsafe insecurity hazardous risky
same identical equal / different unequal differing unlike
constant constantly unchanged stable always / changing variable varying unstable never seldom
  rarely
rural countryside / urban city
allies ally allied friend friends friendly / enemy enemies hostile foe foes
before prior / after following subsequently
add added adds join joined enter entered arrive arrived / remove removed removes leave left
  withdraw withdrew departed
create created build built construct constructed establish established found founded introduced
  / destroy destroyed demolish demolished abolish abolished dissolved repealed
appoint appointed hire hired / dismiss dismissed fire fired resign resigned
support supported supports supporter supporters / opponent opponents opposition
maximum most / minimum least
major main primary / minor secondary
military soldiers / civilian civilians
warm hot heat / cold cool
dry / wet humid
light bright / dark dim
light lightest / heavy heaviest
fast quick quickly rapid rapidly faster / slow slowly slower gradual gradually
full / empty
true correct right / false incorrect wrong
majority / minority
natural / artificial synthetic
theoretical theory / practical
religious / secular
domestic / foreign
optional voluntary / mandatory compulsory required
permanent / temporary
direct directly / indirect indirectly
teacher teachers professor professors / student students pupils
employer employers / employee employees worker workers
peace peaceful / war wars
birth born / death died dead
innate / adaptive acquired
even / odd
single one / multiple several
capture captured seized / surrender surrendered
encrypt encrypted / decrypt decrypted
enable enabled / disable disabled
upload / download
install / uninstall
adopt adopted adopts / reject rejected rejects
acid acidic / alkaline
vertical / horizontal
wide wider broad broader / narrow narrower
thick thicker / thin thinner
deep deeper / shallow shallower
loud louder / quiet quieter silent
often frequently frequent / seldom rarely rare
ancestor ancestors / descendant descendants
parent parents / child children
ceiling / floor
front / back rear
guilty / innocent
healthy / sick ill unhealthy
liberal / conservative
literate / illiterate
multiply multiplied / divide divided
offer offered / demand demanded
optimistic / pessimistic
originate originated / terminate terminated
plus / minus
profit profits / loss losses deficit deficits
reward rewards rewarded / punish punished punishment penalty penalties
input inputs / output outputs
licensor licensors / licensee licensees
summer / winter
spring / autumn
sunrise morning / sunset evening
day daytime / night nighttime
today / tomorrow yesterday
plural / singular
prefix / suffix
lowercase / uppercase
readable / writable
reads reading / writes writing
numerator / denominator
synchronous / asynchronous
local / remote global
online / offline
known / unknown
freeze freezing / melt melting boil boiling
solid / liquid gas
tighten tightened / loosen loosened
unite united / divide divided
widen widened / narrow narrowed
symmetric / asymmetric
dominant / recessive
capitalist capitalism / communist communism socialist socialism
democratic democracy / authoritarian dictatorship
monarchy / republic
catholic catholics / protestant protestants
amateur / professional
voluntarily / forcibly
maternal / paternal
victim victims / perpetrator perpetrators
predator predators / prey
host hosts / guest guests
plaintiff / defendant
explicit explicitly / implicit implicitly
abstract / concrete
relative / absolute
objective / subjective
finite / infinite
static / dynamic
"""
"""A side, a slash and the other; what is indented goes on with the line before."""
_TURNING = regex.compile(
    r"\A(?:(?:un|non)(?=\p{L}{4})|(?:in|im|ir|il|dis)(?=\p{L}{4})"
    r"(?=\p{L}+(?:[ai]ble|en(?:t|ce)|an(?:t|ce)|ive|ate|ity|al|ed|ful)(?:ly)?\Z))"
)
"""Beginnings that negate, before what is a word of its own: neither inform nor discover."""


class _HeldWord(NamedTuple):
    """A word."""

    written: str
    """With its case folded."""
    form: str
    """By which the pairs know it."""


def _said(word: str) -> _HeldWord:
    folded = word.casefold()
    return _HeldWord(folded, folded if len(folded) <= SHORT else stem(folded))


def _contraries() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _PAIRS.replace("\n  ", " ").strip().splitlines():
        one, other = ({_said(word).form for word in side.split()} for side in line.split("/"))
        for side, against in ((one, other), (other, one)):
            for form in side:
                found.setdefault(form, set()).update(against - {form})
    return {form: frozenset(against) for form, against in found.items()}


_CONTRARIES = _contraries()
"""Form of a word -> the forms of its contraries."""


def opposed(question: str, said: Iterable[str]) -> bool:
    """Tell whether a question names the contrary of what is said beside the same words.

    Not where its own word is said as well, or another of the same side.
    """
    asked = [*map(_said, words(question))]
    texts = [[*map(_said, words(text))] for text in said]
    held = frozenset(word.form for text in texts for word in text)
    for place, word in enumerate(asked):
        against = _CONTRARIES.get(word.form, frozenset())
        if word.form in held or any(_like(form, against) for form in held):
            continue
        turned = _TURNING.sub("", word.written)
        near = frozenset(_beside(asked, place))
        for text in texts:
            for at, other in enumerate(text):
                contrary = other.form in against or (
                    (
                        len(word.written) >= TELLING_MIN
                        and word.written != other.written
                        and word.written == _TURNING.sub("", other.written)
                    )
                    or (turned != word.written and turned == other.written)
                )
                if contrary and not near.isdisjoint(_beside(text, at)):
                    return True
    return False


def _like(form: str, against: frozenset[str]) -> bool:
    """Tell whether a word stands on the side that some words are the contraries of."""
    return form not in against and not against.isdisjoint(_CONTRARIES.get(form, ()))


def _beside(text: list[_HeldWord], place: int) -> Iterator[str]:
    """Yield the words beside one that tell what it is said of."""
    for other in (*text[max(0, place - BESIDE) : place], *text[place + 1 : place + BESIDE + 1]):
        if len(other.form) >= TELLING_MIN and other.written not in STOP_WORDS:
            yield other.form
