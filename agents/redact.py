"""Redact: replace personal data by numbered placeholders before anything is embedded or prompted.

Equal values of one conversation or document get the same placeholder, `<PERSON_1>`, wherever they
stand: those that the detector found in any text of the event, and those known from earlier events,
of which only keyed digests are kept. Each value travels beside its text, sealed under a key of its
own, so that one person can be erased from everyone's maps. A value whose key was destroyed keeps
its placeholder and loses its entry: it can't be restored any more.

How the text comes back: agents/placeholders.py.

Why it is so: the detector also finds organisations, places, dates, nationalities and URLs, and the
policy (configuration/redact.json) leaves them in place. They are seldom personal by themselves,
while most technical questions hold one: replacing organisations alone would change 28 of 45
questions to a cloud provider's manual. Whoever needs more adds kinds to the policy.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agents.effects import Effects
from agents.errors import KeyDestroyed
from agents.placeholders import canonical, escape, placeholder
from schemas import (
    ChunksCut,
    ChunksRedacted,
    Detect,
    Digest,
    MapEntry,
    Numbered,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    RedactedChunk,
    Seal,
    Sealed,
    SealItem,
    Span,
    Unseal,
    WritePlaceholders,
)

MENTION_WORDS_MAX = 4
"""Words of the longest known value that is looked for again: names rarely have more."""
CANDIDATES_MAX = 8_192
"""Stretches of an event's texts that are compared with earlier values: about 20 ms of digests."""
WORD_CHARACTERS_MAX = 40
"""A span that ends within a word grows to its edges, unless the script writes without spaces."""

WORD = re.compile(r"\w+(?:['’.\-]\w+)*")
INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    r"\ufeff\ufff9-\ufffb]"
)
"""Control characters and invisible ones that could hide a name from the detector; joiners stay."""


@dataclass(frozen=True)
class Found:
    """A value where it stands in a text."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Redacted:
    """Texts without their values, and the values that each of them mentioned."""

    texts: tuple[str, ...]
    entries: tuple[Mapping[str, MapEntry], ...]
    """For each text, by placeholder, in the order of first use."""


def clean(data: bytes) -> str:
    """Decode text and take out what nobody can see."""
    text = data.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return INVISIBLE.sub("", unicodedata.normalize("NFC", text))


def join(text: str, spans: Iterable[Span], policy: Mapping[str, Any]) -> tuple[Found, ...]:
    """Merge overlapping spans into one; the longest of them names the kind.

    What overlaps is joined rather than dropped: the characters of the shorter one would stay
    visible. A span that cuts a word takes the whole of it. The policy gives the least score of
    each kind that is replaced, and words that the detector often takes for names.
    """
    kinds, ordinary = policy["kinds"], policy["ordinary_words"]
    wanted = []
    for span in spans:
        if span.kind not in kinds or span.score < kinds[span.kind]:
            continue
        start, end = _whole_words(text, max(span.start, 0), min(span.end, len(text)))
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end and text[start:end].lower() not in ordinary:
            wanted.append((start, end, span))
    joined: list[Found] = []
    rank: tuple[int, float, str] = (0, 0.0, "")
    for start, end, span in sorted(wanted, key=lambda w: (w[0], w[1], w[2].kind, w[2].score)):
        mine = (span.end - span.start, span.score, span.kind)
        if joined and start < joined[-1].end:
            kind = span.kind if mine > rank else joined[-1].kind
            rank = max(rank, mine)
            joined[-1] = Found(joined[-1].start, max(joined[-1].end, end), kind)
        else:
            rank = mine
            joined.append(Found(start, end, span.kind))
    return tuple(joined)


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    def within_word(at: int) -> bool:
        """Whether the characters before and at `at` belong to one word."""
        return 0 < at < len(text) and all(
            character.isalnum() and ord(character) < 0x2E80 for character in text[at - 1 : at + 1]
        )

    grown_start, grown_end = start, end
    while within_word(grown_start) and start - grown_start < WORD_CHARACTERS_MAX:
        grown_start -= 1
    while within_word(grown_end) and grown_end - end < WORD_CHARACTERS_MAX:
        grown_end += 1
    return grown_start, grown_end


def stretches(
    text: str, taken: Sequence[Found], starts: Callable[[str], bool]
) -> Iterator[tuple[int, int]]:
    """List the stretches of up to MENTION_WORDS_MAX words that no span overlaps, longest first.

    `starts` says of a word whether a stretch may begin with it.
    """
    words = [(found.start(), found.end()) for found in WORD.finditer(text)]
    spans = iter(taken)
    span = next(spans, None)
    blocked: list[int] = []  # for each word, where the next span after it begins; -1 inside one
    for start, end in words:
        while span is not None and span.end <= start:
            span = next(spans, None)
        blocked.append(len(text) if span is None else -1 if span.start < end else span.start)
    for first, (start, end) in enumerate(words):
        if blocked[first] < 0 or not starts(text[start:end]):
            continue
        for last in range(min(first + MENTION_WORDS_MAX, len(words)) - 1, first - 1, -1):
            if words[last][1] <= blocked[first]:
                yield start, words[last][1]


def mentions(
    text: str,
    taken: Sequence[Found],
    stretched: Iterable[tuple[int, int]],
    known: Mapping[str, str],
) -> tuple[Found, ...]:
    """Add to the spans of a text the stretches that are known values (canonical form -> kind)."""
    added: list[Found] = []
    for start, end in stretched:
        if added and start < added[-1].end:
            continue
        kind = known.get(canonical(text[start:end]))
        if kind is not None:
            added.append(Found(start, end, kind))
    return tuple(sorted((*taken, *added), key=lambda found: found.start))


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.IGNORECASE)


def refusal(text: str, said: bool, policy: Mapping[str, Any]) -> str:
    """Say why a question is refused before anything is spent on it; empty if it is not."""
    if not text:
        return (
            "The question holds no readable characters; please ask in words."
            if said
            else "The question is empty; please ask something."
        )
    longest = int(policy["question_characters_max"])
    if len(text) > longest:
        return (
            f"The question has {len(text)} characters; at most {longest} are accepted. "
            "Send long text as a document and ask about it."
        )
    if _any_of(tuple(policy["refused_patterns"])).search(" ".join(text.split())):
        return "The question asks the assistant to set its rules aside; please rephrase it."
    return ""


def _worth_repeating(word: str, policy: Mapping[str, Any], *, typed: bool) -> bool:
    """Whether a lone word may be a known value.

    People type names in small letters, documents don't; and a small "may" is seldom the person.
    """
    if len(word) < 3:
        return False
    if not word.islower() or any(character.isdigit() for character in word):
        return True
    return typed and word not in policy["ambiguous_words"]


async def replace(
    texts: Sequence[str], scope: str, event_id: str, fx: Effects, *, typed: bool
) -> Redacted:
    """Replace the personal data of texts that belong to one conversation or document.

    `typed` says that a person typed them, so that names may stand in small letters.
    """
    policy = fx.configuration
    propagated = frozenset(policy["repeated_kinds"])
    detected, state = await fx.gather(Detect(texts=tuple(texts)), ReadPlaceholders(scope=scope))
    found = [
        join(text, spans.spans, policy) for text, spans in zip(texts, detected.texts, strict=True)
    ]

    # what was found in one text is a value in all of them
    known: dict[str, str] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            if span.kind in propagated:
                known.setdefault(canonical(text[span.start : span.end]), span.kind)
    first_words = {
        match[0] for value in known if (match := WORD.search(value)) and value.startswith(match[0])
    }

    def repeats(word: str) -> bool:
        return canonical(word) in first_words

    def wanted(text: str, start: int, end: int) -> bool:
        lone = text[start:end]
        return " " in lone or _worth_repeating(lone, policy, typed=typed)

    found = [
        mentions(
            text,
            spans,
            (s for s in stretches(text, spans, repeats) if wanted(text, *s)),
            known,
        )
        for text, spans in zip(texts, found, strict=True)
    ]

    # and so is what earlier events of this scope mentioned; only digests are left of that
    numbered = {entry.digest: entry for entry in state.entries}
    candidates: dict[str, None] = {}
    if any(entry.kind in propagated for entry in state.entries):
        for text, spans in zip(texts, found, strict=True):
            for start, end in stretches(text, spans, lambda word: typed or not word.islower()):
                if len(candidates) < CANDIDATES_MAX and wanted(text, start, end):
                    candidates[canonical(text[start:end])] = None
    values = list(
        dict.fromkeys(
            canonical(text[span.start : span.end])
            for text, spans in zip(texts, found, strict=True)
            for span in spans
        )
    )
    asked = list(dict.fromkeys([*values, *candidates]))
    digest_of: dict[str, str] = {}
    if asked:
        answer = await fx(Digest(values=tuple(value.encode() for value in asked)))
        digest_of = dict(zip(asked, answer.digests, strict=True))
    earlier = {
        value: numbered[digest_of[value]].kind
        for value in candidates
        if digest_of[value] in numbered and numbered[digest_of[value]].kind in propagated
    }
    if earlier:
        found = [
            mentions(
                text,
                spans,
                (s for s in stretches(text, spans, lambda _: True) if wanted(text, *s)),
                earlier,
            )
            for text, spans in zip(texts, found, strict=True)
        ]

    # number what is new, in reading order
    highest: dict[str, int] = {}
    for entry in state.entries:
        number = int(entry.placeholder[:-1].rpartition("_")[2])
        highest[entry.kind] = max(highest.get(entry.kind, 0), number)
    fresh = []
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            digest = digest_of[canonical(text[span.start : span.end])]
            if digest not in numbered:
                number = highest[span.kind] = highest.get(span.kind, 0) + 1
                entry = Numbered(
                    placeholder=placeholder(span.kind, number), kind=span.kind, digest=digest
                )
                numbered[digest] = entry
                fresh.append(entry)
    if fresh:
        entries = remembered((*state.entries, *fresh), int(policy["remembered_max"]))
        await fx(WritePlaceholders(scope=scope, state=Placeholders(entries=entries)))

    # cut the values out; a text's entry holds the first spelling that stands in it
    redacted, spellings = [], []
    for text, spans in zip(texts, found, strict=True):
        parts, at = [], 0
        spelling: dict[str, tuple[Numbered, str]] = {}
        for span in spans:
            value = text[span.start : span.end]
            entry = numbered[digest_of[canonical(value)]]
            spelling.setdefault(entry.placeholder, (entry, value))
            parts += [escape(text[at : span.start]), entry.placeholder]
            at = span.end
        redacted.append("".join((*parts, escape(text[at:]))))
        spellings.append(spelling)
    sealed = await seal([one for spelling in spellings for one in spelling.values()], event_id, fx)
    return Redacted(
        texts=tuple(redacted),
        entries=tuple(
            {
                name: MapEntry(
                    placeholder=name,
                    kind=entry.kind,
                    digest=entry.digest,
                    value=sealed[(name, value)],
                )
                for name, (entry, value) in spelling.items()
                if (name, value) in sealed
            }
            for spelling in spellings
        ),
    )


async def seal(
    values: Iterable[tuple[Numbered, str]], event_id: str, fx: Effects
) -> dict[tuple[str, str], Sealed]:
    """Seal each value under its own key, by placeholder and spelling.

    A value whose key was destroyed is left out: its person was erased, here too.
    """
    items = {
        (entry.placeholder, value): SealItem(
            key=f"value/{entry.digest}",
            event=event_id,
            field=f"value/{entry.placeholder}",
            value=value.encode(),
        )
        for entry, value in values
    }
    if not items:
        return {}
    try:
        return dict(zip(items, (await fx(Seal(values=tuple(items.values())))).values, strict=True))
    except KeyDestroyed:
        sealed = {}
        for name, item in items.items():
            try:
                sealed[name] = (await fx(Seal(values=(item,)))).values[0]
            except KeyDestroyed:
                continue
        return sealed


def remembered(entries: Sequence[Numbered], entries_max: int) -> tuple[Numbered, ...]:
    """Keep the newest entries, and the newest of each kind, so that no number is given twice."""
    newest = {entry.kind: index for index, entry in enumerate(entries)}
    first = len(entries) - entries_max
    keep = set(newest.values())
    return tuple(entry for index, entry in enumerate(entries) if index >= first or index in keep)


async def redact_chunks(cut: ChunksCut, fx: Effects) -> ChunksRedacted:
    """Redact a batch of chunks together with the document's title."""
    if cut.outcome != "cut":
        return ChunksRedacted(
            document=cut.document,
            batch=cut.batch,
            outcome=cut.outcome,
            reason=cut.reason,
            manifest=cut.manifest,
        )
    sealed = (*((cut.title,) if cut.title else ()), *(chunk.text for chunk in cut.chunks))
    title, texts = "", Redacted((), ())
    in_title: Mapping[str, MapEntry] = {}
    if sealed:
        plain = [clean(value) for value in (await fx(Unseal(values=sealed))).values]
        texts = await replace(plain, cut.meta.session, cut.meta.id, fx, typed=False)
        if cut.title:
            title, in_title = texts.texts[0], texts.entries[0]
            texts = Redacted(texts.texts[1:], texts.entries[1:])
    return ChunksRedacted(
        document=cut.document,
        batch=cut.batch,
        outcome="redacted",
        title=title,
        chunks=tuple(
            RedactedChunk(
                id=chunk.id,
                number=chunk.number,
                text=text,
                tokens=chunk.tokens,
                # a passage is shown with its title, so its map must restore both
                entries=tuple({**in_title, **entries}.values()),
            )
            for chunk, text, entries in zip(cut.chunks, texts.texts, texts.entries, strict=True)
        ),
        manifest=cut.manifest,
    )


async def redact_question(asked: QuestionAsked, fx: Effects) -> QuestionRedacted:
    """Refuse a question or redact it."""
    [plain] = (await fx(Unseal(values=(asked.text,)))).values
    text = clean(plain).strip()
    reason = refusal(text, bool(plain.strip()), fx.configuration)
    if reason:
        return QuestionRedacted(
            outcome="refused", reason=reason, subject=asked.subject, text="", ask=asked.ask
        )
    redacted = await replace([text], asked.meta.session, asked.meta.id, fx, typed=True)
    return QuestionRedacted(
        outcome="redacted",
        subject=asked.subject,
        text=redacted.texts[0],
        entries=tuple(redacted.entries[0].values()),
        ask=asked.ask,
    )


async def redact(
    event: ChunksCut | QuestionAsked, fx: Effects
) -> AsyncIterator[ChunksRedacted | QuestionRedacted]:
    """Replace personal data; refuse questions that the policy rules out; pass the rest on."""
    match event:
        case ChunksCut():
            yield await redact_chunks(event, fx)
        case QuestionAsked():
            yield await redact_question(event, fx)
