"""Abstaining: notice that passages hold no answer, and say what was looked for and not found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import regex

from agents.answering.asked_about import of_another
from agents.answering.generation_policy import GenerationPolicy
from agents.answering.opposites import opposed
from agents.answering.polarity import negations
from agents.answering.question_kinds import ASKING, CHARACTERS_MAX, asked_for
from agents.answering.respelling import otherwise_written
from agents.answering.terms import carried_off, terms
from agents.answering.tongues import is_small, language_of
from agents.checking.answerability import answerable
from agents.errors import Permanent
from agents.evidence import evidence
from agents.language import STOP_WORDS, is_number, stem, words
from schemas import Passage

NAMES_MAX = 3  # of what was looked for
RUN_MAX = 5  # words of one
OPEN_KINDS = frozenset({"yes_no", "comparison", "how_to"})
"""Questions that claim nothing, or that what is opposed to them answers: a no, the other side."""
_OTHERWISE = regex.compile(
    r"\b(?:if|when|unless|once|wenn|falls|sobald|si|lorsque|cuando)\b[^?]*?(?:\b(?:not|no|never|cannot|nothing|nobody|without|nicht|keine?[rmns]?|nie"
    r"|pas|jamais|sin|nunca)\b|n['’]t\b)|\A\W*(?:why|warum|wieso|pourquoi|por\s+qué)\s[^?]*?\b(?:and\s+not|rather\s+than|instead\s+of|und\s+nicht|statt|anstatt"
    r"|et\s+(?:non|pas)|plutôt\s+que|y\s+no|en\s+lugar\s+de)\b",
    regex.IGNORECASE,
)
"""What is negated so is no claim: a condition, or what something is held against."""
_WHEN = regex.compile(
    r"\A\W*when\s+(?=(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must)\b)",
    regex.IGNORECASE,
)
"""What asks for a time, and is no condition."""
_DENIES = regex.compile(
    r"\b(?:not|never|nobody|nothing|nowhere|no(?!\.)|nicht|kein(?:e[rsnm]?)?|nie|niemals|pas|jamais|nunca)\b|n['’]t\b",
    regex.IGNORECASE,
)
"""By which a question asks for what is not so. Not `without`, which says how something is done."""
_FAILS = regex.compile(
    r"\b(?:fail(?:s|ed)?|lack(?:s|ed)?|refuse[sd]?|unable|impossible|scheitert?|échoue(?:nt)?|fallan?)\b",
    regex.IGNORECASE,
)
"""By which it asks for that without a negation."""
_WORD = regex.compile(r"<[A-Z_]+_\d+>|[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}_.@/'’+#-]*")
_COUNTS = regex.compile(
    r"\bhow\s+(?:many|much|old|tall|far|heavy|wide|high|large|big)\b|\bwie\s*(?:viele?|alt|hoch|weit|schwer|groß)\b|\bcombien\b|\bcuánt[oa]s?\b",
    regex.IGNORECASE,
)
_COUNTED = regex.compile(
    r"\d|\b(?:no|none|nothing|both|half|twice|once|double|several|few|many|most|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\p{L}+teen"
    r"|\p{L}{2,4}ty|(?:eigh|seven)ty|hundreds?|thousands?|[mb]illions?|dozens?|free|unlimited|single|little|kein\w*|zwei|drei|vier|fünf|sechs|sieben|acht"
    r"|neun|zehn|elf|zwölf|\p{L}*(?:zig|hundert|tausend)|einzige\w*|deux|trois|quatre|cinq|sept|huit|neuf|dix|cent|mille|aucune?|dos|tres|cuatro|cinco"
    r"|siete|ocho|nueve|diez|cien\w*|mil|ningun[oa]?)\b",
    regex.IGNORECASE,
)
_NOUN = regex.compile(r"(?<![\p{L}\p{N}_<@./-])\p{Lu}\p{Ll}+(?![\p{L}\p{N}_@/])")
_NAME = regex.compile(r"<[A-Z_]+_\d+>|.*\p{L}.*\p{Lu}.*|.*\p{L}.*\d.*|.*[_@/].*|\d[\d.,]+")


def nothing_found(question: str, policy: GenerationPolicy, language: str = "") -> str:
    """Say that the documents hold nothing, and about what, in the question's language.

    In one that has no such text, it is not said about what.
    """
    language = language or language_of(question)
    names, text = looked_for(question), policy.nothing_about.get(language)
    if names and text:
        return text.replace("{names}", ", ".join(names))
    return policy.said("not_found", language)


def looked_for(question: str) -> tuple[str, ...]:
    """Name what a question is about: the words that carry meaning, where several stand together.

    Of those that stand alone only names count, unless there are no others.
    """
    question = question[:CHARACTERS_MAX]
    runs: list[list[str]] = [[]]
    end = 0
    for match in _WORD.finditer(question):
        word = match[0].rstrip(".'’-/")
        if question[end : match.start()].strip() or _asks(word):
            runs.append([])
        if not _asks(word):
            runs[-1].append(word)
        end = match.start() + len(word)
    texts = [run[:RUN_MAX] for run in runs if run]
    telling = [
        run for run in texts if len(run) > 1 or any(_is_name(word, question) for word in run)
    ]
    chosen = telling or texts
    return tuple(dict.fromkeys(" ".join(run) for run in chosen))[:NAMES_MAX]


def _asks(word: str) -> bool:
    folded = word.casefold().replace("’", "'").removesuffix("'s")
    return folded in STOP_WORDS or folded in ASKING or is_small(folded)


def _is_name(word: str, question: str) -> bool:
    begins = question.lstrip(" \"'“¿").startswith(word)
    return bool(_NAME.fullmatch(word)) or (word[:1].isupper() and not begins)


def lacking(
    question: str, passages: Sequence[Passage], *, whole_numbers: bool = True
) -> tuple[str, ...]:
    """List the names and numbers of a question that no passage holds.

    Not its placeholders: what was taken for a person in the question may not have been so in a
    document. Nor the nouns of German, which are all written large. `whole_numbers` is
    `agents.changes.WHOLE_NUMBERS`.
    """
    question = plain_nouns(question)
    held = evidence(
        text for passage in passages for text in (passage.title, passage.text, passage.uri)
    )
    parts: Sequence[str] = words(question)
    if not whole_numbers:
        parts = [part for match in _WORD.finditer(question) for part in words(match[0])]
    first = next(iter(words(question)), "")
    lacked = (
        word
        for word in parts
        if (is_number(word) or (word[:1].isupper() and word != first))
        and not _asks(word)
        and stem(word) not in held
    )
    return tuple(dict.fromkeys(lacked))


def standing_nowhere(
    question: str, passages: Sequence[Passage], *, whole_numbers: bool = True
) -> tuple[str, ...]:
    """List what is `lacking` and is not written otherwise: a number as a word, a name in short."""
    lacked = lacking(question, passages, whole_numbers=whole_numbers)
    return tuple(name for name in lacked if not otherwise_written(name, passages))


def plain_nouns(question: str) -> str:
    """Write the nouns of a German question small, so that none of them is taken for a name."""
    if language_of(question) != "de":
        return question
    return _NOUN.sub(lambda match: match[0].lower(), question)


def likely(
    question: str,
    passages: Sequence[Passage],
    weights: Mapping[str, float],
    *,
    nearer: bool = True,
) -> float:
    """Return how likely passages hold an answer, 0 to 1, as far as that can be told: else 1.

    Of a question that a no answers it can't: what is said otherwise there is the answer. Nor of one
    for the reason why something is not so, which is often told without a negation. What a question
    took over from the conversation is no part of what it claims. `nearer` is
    `agents.changes.NEARER_ANSWERS`.
    """
    question = question[:CHARACTERS_MAX]
    if _claims_nothing(question):
        return 1.0
    why = nearer and asked_for(question).kind == "reason"
    if why and (_DENIES.search(question) or _FAILS.search(question)):
        return 1.0
    texts = [passage.text for passage in passages]
    asked = dict.fromkeys((plain_nouns(question), plain_nouns(carried_off(question))))
    return max(answerable(one, texts, weights) for one in asked)


def _claims_nothing(question: str) -> bool:
    return asked_for(question).kind in OPEN_KINDS or _OTHERWISE.search(question) is not None


def contradicted(question: str, said: Sequence[str], beside: Sequence[str] = ()) -> bool:
    """Tell whether a question claims what would be said to it otherwise, or of another.

    It names the contrary of something, or somebody of whom neither that nor what stands `beside`
    it speaks, or asks for what is not so, where nothing that is said negates anything. Why
    something is not so is often told without a negation.
    """
    question = carried_off(question[:CHARACTERS_MAX])
    if not said or _claims_nothing(_WHEN.sub("at what time ", question)):
        return False
    denied = _DENIES.search(question) and not any(map(negations, said))
    if denied and asked_for(question).kind != "reason":
        return True
    return opposed(question, said) or of_another(question, [*said, *beside])


def beside_the_point(question: str, said: Iterable[str]) -> bool:
    """Tell whether what would be said holds no word of a question but what it took over.

    A question that took nothing over was searched for by its own words alone.
    """
    plain = carried_off(question[:CHARACTERS_MAX])
    asked = frozenset(terms(plain))
    if plain == question or not asked:
        return False
    return all(asked.isdisjoint(terms(text)) for text in said)


def unanswerable(
    question: str,
    passages: Sequence[Passage],
    configured: Mapping[str, Any],
    *,
    nearer: bool = True,
) -> bool:
    """Tell whether passages hold no answer, by what is configured: `weights`, and `abstain`.

    Raises Permanent where that can't be used. `nearer` is `agents.changes.NEARER_ANSWERS`.
    """
    if not configured:
        return False
    try:
        weights, abstain = configured["weights"], float(configured["abstain"])
        return likely(question, passages, weights, nearer=nearer) < abstain
    except (KeyError, TypeError, ValueError) as error:
        raise Permanent(
            f"configuration of generate: answerable: {type(error).__name__}: {error}; "
            "see generate.json"
        ) from None


def uncounted(question: str, said: Iterable[str]) -> bool:
    """Tell whether a number is asked for, and none is said."""
    asked = _COUNTS.search(question[:CHARACTERS_MAX])
    return bool(asked) and not any(map(_COUNTED.search, said))
