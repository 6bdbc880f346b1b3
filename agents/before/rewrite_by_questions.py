"""Rewriting of 0.1.0: by the questions alone, and in English.

A question leans if it points back ("it", "their", "that one"), is cut short ("What about Oslo?",
"Why?") or names too little to search for. Then the pronoun is replaced by what the conversation is
about, or that is appended. What it is about is a phrase of earlier questions: named by many turns,
recently, or in the first one.

Why it is so: it costs microseconds where a small chat model costs most of the budget, and never
invents a word. Against human rewrites (TREC CAsT 2019 and 2020) it raises the words recalled from
75.6 to 86.0 % and from 65.7 to 74.9 %, where CAsT's own automatic rewriter has 73.8 %. Earlier
questions are read in their rewritten form, so a topic is carried on for as long as the
conversation stays with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from agents.conversation.exchanges import entries_in
from agents.effects import Effects
from agents.phrases import WORD, naming_words, phrases, word_set, words
from schemas import QueryRewritten, QuestionRedacted, ReadTurns

POSSESSIVES = word_set("its their theirs his her hers")
PRONOUNS = word_set("it they them he him she this that these those") | POSSESSIVES
DETERMINERS = word_set("this that these those")
# they point back, but can't be replaced by a noun
POINTERS = word_set(
    """
    one ones there here other others another else more first second last former latter same both
    instead also too after before then so such
    """
)
LEANING = PRONOUNS | POINTERS
OPENERS = re.compile(
    r"^\s*(?:and|but|or|so|what about|how about|what if|why|why not|how so|how come|who else"
    r"|what else|where else|anything else|any other)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class WordingBefore:
    """A query and why it was or was not changed."""

    query: str
    reason: str
    """Empty if it was changed."""


def leans(question: str, configured: Mapping[str, Any]) -> bool:
    """Whether a question needs the conversation to be understood."""
    if any(word.lower() in LEANING for word in words(question)):
        return True
    if OPENERS.match(question):
        return True
    enough: int = configured["short_words"]
    return len(set(naming_words(question))) <= enough


def topics(question: str, history: Sequence[str], configured: Mapping[str, Any]) -> list[str]:
    """Return what the conversation is about, most salient first, less what the question names."""
    scores: dict[str, float] = {}
    spelled: dict[str, str] = {}
    last = len(history) - 1
    # configurations of 0.1.0 have no bound: a noun put in the place of a pronoun lengthened the
    # phrase around it, and so each question might be longer than the one before
    characters_max: float = configured.get("topic_characters_max", math.inf)
    for turn, text in enumerate(history):
        weight = configured["decay"] ** (last - turn)
        if turn == 0:
            weight += configured["opening"]
        for phrase in phrases(text, spelled):
            if len(phrase) > characters_max:
                continue
            key, parts = phrase.lower(), phrase.split()
            spelled[key] = phrase
            named = any(part[0].isupper() or part[0] == "<" for part in parts)
            # a longer phrase says more, up to a point
            value = weight * (configured["name"] if named else 1.0) * min(len(parts), 3) ** 0.5
            scores[key] = scores.get(key, 0.0) + value
    known = set(naming_words(question))
    ranked = sorted(scores, key=lambda key: (-round(scores[key], 6), key))
    chosen: list[str] = []
    for key in ranked:
        new = [word for word in naming_words(key) if word not in known]
        if not new:
            continue
        chosen.append(spelled[key])
        known.update(new)
    return chosen


def stand_alone(
    question: str, history: Sequence[str], configured: Mapping[str, Any]
) -> WordingBefore:
    """Make a question stand alone, given the earlier queries of the conversation, oldest first."""
    if not history:
        return WordingBefore(question, "first question")
    if not leans(question, configured):
        return WordingBefore(question, "stands alone")
    nouns = topics(question, history, configured)[: configured["topics"]]
    if not nouns:
        return WordingBefore(question, "nothing to add")
    replaced, done = _with_noun(question, nouns[0])
    rest = nouns[1:] if done else nouns
    if not rest:
        return WordingBefore(replaced, "")
    sentence = replaced.rstrip()
    mark = sentence[-1] if sentence[-1:] in {"?", ".", "!"} else ""
    return WordingBefore(f"{sentence.removesuffix(mark).rstrip()} ({', '.join(rest)}){mark}", "")


async def rewrite_before(event: QuestionRedacted, fx: Effects) -> AsyncIterator[QueryRewritten]:
    """Read the conversation and make the question stand alone; a refused one passes through."""
    unchanged = QueryRewritten(
        outcome="refused" if event.outcome == "refused" else "unchanged",
        reason=event.reason,
        subject=event.subject,
        question=event.text,
        query=event.text,
        wordings=(event.text,) if event.text else (),
        entries=event.entries,
        ask=event.ask,
    )
    if event.outcome == "refused":
        yield unchanged
        return
    configured, deadline = fx.configuration, event.ask.deadline
    if deadline and deadline - fx.began_us < configured["reserve_ms"] * 1000:
        yield replace(unchanged, reason="no time left to read the turns", degraded=("rewrite",))
        return
    history = (await fx(ReadTurns(limit=configured["turns"]))).turns
    wording = stand_alone(event.text, [turn.question for turn in history], configured)
    yield replace(
        unchanged,
        outcome="unchanged" if wording.reason else "rewritten",
        reason=wording.reason,
        query=wording.query,
        wordings=(wording.query,),
        turns=len(history),
        entries=entries_in(wording.query, event.entries, history),
    )


def _with_noun(question: str, noun: str) -> tuple[str, bool]:
    """Put a noun in place of the first pronoun that stands for one."""
    for match in WORD.finditer(question):
        low = match.group().lower()
        if low not in PRONOUNS:
            continue
        following = WORD.match(question, match.end() + 1)
        if low in DETERMINERS and following is not None:
            continue  # a determiner or a conjunction, not a pronoun
        text = noun
        if low in POSSESSIVES - {"her"} or (low == "her" and following is not None):
            text += "'" if noun.endswith("s") else "'s"
        return question[: match.start()] + text + question[match.end() :], True
    return question, False
