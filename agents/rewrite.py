"""Rewrite: turn a question that leans on the conversation into a query that stands alone.

A question leans if it points back ("it", "their", "that one"), is cut short ("What about Oslo?",
"Why?") or names too little to search for. What it leans on is found in the questions and the
answers before it, and put in its place or behind it: see `agents.conversation`. Small talk leans on
nothing and needs no documents; it is passed on as such.

Why it is so: it costs microseconds where a small chat model costs most of the budget, and never
invents a word. Questions before are read in their rewritten form, so a topic is carried on for as
long as the conversation stays with it. What was talked of before the turns that are read is known
by name alone, from a summary (`agents.conversation.summary`). docs/decisions/0034-follow-ups.md and
0048 have the figures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence

from msgspec.structs import replace

from agents.arms import told
from agents.before.rewrite_by_questions import rewrite_before
from agents.changes import CARRIED_OVER, CLOSER_FOLLOW_UPS, CLOSER_READING, PLAIN_OPENINGS
from agents.conversation.exchanges import Exchange, entries_in
from agents.conversation.languages import language_of
from agents.conversation.resolution import stand_alone
from agents.conversation.small_talk import SmallTalk, small_talk
from agents.conversation.summary import recalled
from agents.effects import Effects
from schemas import QueryRewritten, QuestionRedacted, ReadTurns, Turn

DEFAULTS = {
    "answer": 1.6,
    "unrelated": 0.25,
    "answer_names": 0.3,
    "carried": 0.5,
    "subject": 1.3,
    "established": 2,
    "definite_words": 3,
}
"""What configurations of 0.1.0 lack."""


async def rewrite(event: QuestionRedacted, fx: Effects) -> AsyncIterator[QueryRewritten]:
    """Read the conversation and make the question stand alone; a refused one passes through."""
    if not fx.has(CARRIED_OVER):
        async for outcome in rewrite_before(event, fx):
            yield outcome
        return
    unchanged = replace(_unchanged(event), **told(fx.configuration))
    if event.outcome == "refused":
        yield unchanged
        return
    chat = _small_talk(event)
    if chat is not None and len(chat.languages) == 1:
        yield _chatted(unchanged, chat, "")
        return
    configured, deadline = {**DEFAULTS, **fx.configuration}, event.ask.deadline
    if deadline and deadline - fx.began_us < configured["reserve_ms"] * 1000:
        late = replace(unchanged, degraded=("rewrite",))
        reason = "no time left to read the turns"
        yield _chatted(late, chat, "") if chat is not None else replace(late, reason=reason)
        return
    read = await fx(ReadTurns(limit=configured["turns"]))
    history = read.turns
    if chat is not None:
        yield replace(_chatted(unchanged, chat, _spoken(history)), turns=len(history))
        return
    exchanges = [Exchange(turn.question, turn.answer) for turn in history]
    wording = stand_alone(
        event.text,
        exchanges,
        configured,
        sharper=fx.has(CLOSER_READING),
        openings=fx.has(PLAIN_OPENINGS),
        following=fx.has(CLOSER_FOLLOW_UPS),
    )
    if read.summary is not None and (query := recalled(event.text, exchanges, read.summary)):
        wording = dataclasses.replace(wording, query=query, reason="")
        history = (Turn(request="", question="", answer="", entries=read.summary.entries), *history)
    yield replace(
        unchanged,
        outcome="unchanged" if wording.reason else "rewritten",
        reason=wording.reason,
        query=wording.query,
        wordings=(wording.query,),
        turns=len(read.turns),
        entries=entries_in(wording.query, event.entries, history),
        language=wording.language,
    )


def _unchanged(event: QuestionRedacted) -> QueryRewritten:
    return QueryRewritten(
        outcome="refused" if event.outcome == "refused" else "unchanged",
        reason=event.reason,
        subject=event.subject,
        question=event.text,
        query=event.text,
        wordings=(event.text,) if event.text else (),
        entries=event.entries,
        ask=event.ask,
        exchanges=event.exchanges,
        language=language_of(event.text),
    )


def _small_talk(event: QuestionRedacted) -> SmallTalk | None:
    """Recognise small talk, but where a search or a structured answer is asked for."""
    if event.ask.mode == "search" or event.ask.response_schema:
        return None
    return small_talk(event.text)


def _chatted(unchanged: QueryRewritten, chat: SmallTalk, spoken: str) -> QueryRewritten:
    language = chat.language(spoken)
    return replace(unchanged, outcome="small_talk", reason=chat.kind, language=language)


def _spoken(history: Sequence[Turn]) -> str:
    """Return the language of the newest question that has one."""
    languages = (language_of(turn.question) for turn in reversed(history))
    return next(filter(None, languages), "")
