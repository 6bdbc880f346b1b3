"""Changes of behaviour: so that a log of each release leads to the outcomes that it holds.

A step that comes to behave otherwise declares it here, and asks `fx.has(CHANGE)` where it does. A
run of today has every change. A replay has those that the code had which wrote the record; for what
is older the step does as it did before. So the old rule stays in the code beside the new one, until
the release that `kept_until` names, whose tests then ask for its removal.

What to do when an outcome changes: raise CODE in `streams/version.py` and in pyproject.toml to the
next number of development (0.2.0.dev1 -> 0.2.0.dev2), declare the change with it as `since`, put
the old rule under `fx.has`, and write the log of the present again: `make golden`. A change of what
was never released needs no old rule, only the new number.

Versions are those of PEP 440. Unreleased code is a development release of the next one, so it is
older than that one and newer than the one before: 0.1.0 < 0.2.0.dev1 < 0.2.0.dev2 < 0.2.0.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

_VERSION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})*)(?:\.dev([0-9]{1,9}))?(?:\+.*)?")
"""Numbers are bounded: records tell versions, and Python reads no text of 4,301 digits."""
OLDEST = "0.1.0"
"""The oldest code by whose rules records are run again."""


@dataclass(frozen=True)
class RuleChange:
    """A step does something else than it did."""

    name: str
    since: str
    """The first version of the code that does so."""
    before: str
    """What was done until then."""
    kept_until: str
    """The release that need not do it any more."""


BOUNDED_JSON = RuleChange(
    "answers to a response schema of more than 900 levels are no JSON",
    since="0.2.0.dev1",
    before="they were read as deep as the stack of the moment let Python's reader go, 900 to 1,000",
    kept_until="2.0.0",
)
SPELT_KINDS = RuleChange(
    "a kind of personal data that no placeholder can name is refused",
    since="0.2.0.dev1",
    before="it was put into texts, and never taken out of them",
    kept_until="2.0.0",
)
BOUNDED_LETTERS = RuleChange(
    "bytes with which a dead letter would fit no record are left out of it",
    since="0.2.0.dev1",
    before="they stood in it, or there was none",
    kept_until="2.0.0",
)
BOUNDED_IDS = RuleChange(
    "a record with ids of more than 4,096 characters, or an attempt above 10^9, reaches no step",
    since="0.2.0.dev1",
    before="it did",
    kept_until="2.0.0",
)
CARRIED_OVER = RuleChange(
    "a question takes over what answers before it name, in its language; small talk is told",
    since="0.2.0.dev2",
    before="it took over phrases of questions in English, and small talk was searched for",
    kept_until="2.0.0",
)
FOLLOWED_SCHEMAS = RuleChange(
    "who asks for JSON of a schema gets it, after a second try at most, or an error",
    since="0.2.0.dev2",
    before="any JSON was taken; where there was none a sentence was quoted in its place",
    kept_until="2.0.0",
)
COMPOSED = RuleChange(
    "an answer is put together out of statements, and a model's sentences are checked one by one",
    since="0.2.0.dev2",
    before="one sentence was quoted, and what a model said was shown before it was checked",
    kept_until="2.0.0",
)
BOUNDED_PIECES = RuleChange(
    "a document of more than 400,000 sentences, lines and cells is refused before it is measured, "
    "and one of more tokens than its chunks may hold before it is cut; a piece of more than "
    "131,072 characters is divided before it is measured",
    since="0.2.0.dev2",
    before="all of it was measured and cut, however much",
    kept_until="2.0.0",
)
READ_FORMATS = RuleChange(
    "documents in PDF, Office, mail, tables and others are read, and one that is submitted as "
    "text is told its media type; text, Markdown and HTML are read by rules that lose no text, or "
    "say what they lost",
    since="0.2.0.dev3",
    before="text, Markdown and HTML were read, and lost marks, targets of links, front matter and "
    "hidden parts; everything else was refused",
    kept_until="2.0.0",
)
LOCAL_CUTS = RuleChange(
    "where chunks begin is decided by what stands near; a table's first row, or the lines that a "
    "part of a listing is indented under, stand above what is split off",
    since="0.2.0.dev3",
    before="one chunk followed from the one before, and long sections were split evenly",
    kept_until="2.0.0",
)
NAMED_LANGUAGE = RuleChange(
    "a manifest names the language of its document",
    since="0.2.0.dev3",
    before="it named none",
    kept_until="2.0.0",
)
ORDERED_VERSIONS = RuleChange(
    "the index is told in which order the chunks of a version stand",
    since="0.2.0.dev3",
    before="it was told which are retired",
    kept_until="2.0.0",
)
WHOLE_RANKINGS = RuleChange(
    "a search shows, behind what was reranked, the candidates that were not",
    since="0.2.0.dev3",
    before="it showed what was reranked, 40 passages, however many were asked for",
    kept_until="2.0.0",
)
CLOSER_READING = RuleChange(
    "of a question in English the verb is no part of what it is about, words such as facts are no "
    "topic, and he and she stand for what can be a person by its look",
    since="0.2.0.dev5",
    before="a verb that no table has was taken for part of a name",
    kept_until="2.0.0",
)
CLOSER_ANSWERS = RuleChange(
    "no answer is given to a question that claims the contrary of what would be said to it, or "
    "that asks for what is not so where nothing said negates anything; its words are read as the "
    "passages write them, where a letter or a mark is all that differs; a line that leads to the "
    "rest of its paragraph stands with it, a picture hides no first sentence of a document, and "
    "what only repeats a question, or what it took over, is no answer",
    since="0.2.0.dev6",
    before="contraries were weighed among other signs, a name had to stand as it was written, and "
    "statements were taken otherwise",
    kept_until="2.0.0",
)
PLAIN_OPENINGS = RuleChange(
    "what an answer in English begins with is taken for a name only where more than the capital "
    "of its beginning says so",
    since="0.2.0.dev6",
    before="the capital alone made a name of it, which took the place of what was asked about",
    kept_until="2.0.0",
)
FIRST_STAYS = RuleChange(
    "the first passage of a ranking stays in a prompt, however much better late interaction finds "
    "another one",
    since="0.2.0.dev6",
    before="it was left out where late interaction found it far below its best",
    kept_until="2.0.0",
)
CLOSER_FOLLOW_UPS = RuleChange(
    "a short question in English leans on the conversation if it calls nothing by a name; headings "
    "and words that only open an answer are no topic",
    since="0.2.0.dev7",
    before="it leaned where it names what belongs to something else, and an answer's first words "
    "were topics whatever they were",
    kept_until="2.0.0",
)
NEARER_ANSWERS = RuleChange(
    "words that stand side by side in a question count more where they do so in a statement; a "
    "list is told by what leads to it, a document that is asked about by its title is not answered "
    "for by others, and what holds only what a question took over stands behind what holds its own "
    "words",
    since="0.2.0.dev7",
    before="each word of a question counted alone, wherever it stood",
    kept_until="2.0.0",
)
WHOLE_NUMBERS = RuleChange(
    "a number of a question is looked for as it is written, with what parts its digits",
    since="0.2.0.dev7",
    before="the parts of 14:30, 3,150 or 2,50 were looked for, which stand nowhere by themselves, "
    "so that nothing was found",
    kept_until="2.0.0",
)
READABLE_WORDS = RuleChange(
    "a word of a question that its place alone tells to be a person's name stays where the "
    "tenant's documents leave it as it is, and none has it in a person's name; documents say "
    "which words those are",
    since="0.2.0.dev7",
    before="it was replaced, and matched nothing in the documents",
    kept_until="2.0.0",
)
CHANGES = (
    BOUNDED_JSON,
    SPELT_KINDS,
    BOUNDED_LETTERS,
    BOUNDED_IDS,
    CARRIED_OVER,
    FOLLOWED_SCHEMAS,
    COMPOSED,
    BOUNDED_PIECES,
    READ_FORMATS,
    LOCAL_CUTS,
    NAMED_LANGUAGE,
    ORDERED_VERSIONS,
    WHOLE_RANKINGS,
    CLOSER_READING,
    CLOSER_ANSWERS,
    PLAIN_OPENINGS,
    FIRST_STAYS,
    CLOSER_FOLLOW_UPS,
    NEARER_ANSWERS,
    WHOLE_NUMBERS,
    READABLE_WORDS,
)


def has(code: str, change: RuleChange) -> bool:
    """Say whether a version of the code behaves in the changed way."""
    return not is_before(code, change.since)


def is_before(code: str, version: str) -> bool:
    """Say whether a version of the code is older than another; a text that is none is neither."""
    one, other = _order(code), _order(version)
    return one is not None and other is not None and one < other


@lru_cache
def _order(version: str) -> tuple[tuple[int, ...], float] | None:
    """Return what versions are ordered by: the release, then its development."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    release = [int(number) for number in match[1].split(".")]
    while release and not release[-1]:
        release.pop()
    return tuple(release), math.inf if match[2] is None else int(match[2])
