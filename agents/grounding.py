"""Grounding: which words and sentences of the passages an answer rests on.

Everything here compares stems of content words. Stemming is crude on purpose: it only has to give
inflections of one word a common form, in any language that inflects at the end of a word.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from agents.placeholders import placeholders_in
from schemas import Citation, Passage

STEM_CHARS = 6  # a longer word is known by its beginning, once its ending is off
CITED_MIN = 0.5  # share of a sentence's content words that a passage's sentence must hold
NEIGHBOUR = 0.3  # part of a sentence's score that the sentences beside it add
TITLE = 0.2  # part of a question's weight that words of the title count for
RANK = 0.15  # part of the best score that the first passage gets for its rank

_WORD = regex.compile(r"<_*[A-Z]+(?:_[A-Z]+)*_[0-9]+>|\d+(?:[.,:]\d+)*|[\p{L}\p{M}\p{N}]+")
_SENTENCE_END = regex.compile(
    r"(?<!\b(?:Dr|Mr|Mrs|Ms|St|No|vs|Fig|Inc|Ltd|Co|cf|ca|approx|e\.g|i\.e|\p{Lu}))"
    r"(?<=[.!?…][\"'”’)\]]?)\s+(?=[\"'“‘(\[<]?[\p{Lu}\p{Lo}\p{N}<])|(?<=[。！？])|\n+"
)
_ENDINGS = ("ations", "ation", "ingly", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly", "s")
STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can cannot could did do does doing done down during each few for from
    further had has have having he her here hers him his how i if in into is it its itself just may
    me might more most must my name no nor not of off on once only or other our out over own per
    please same shall she should so some such tell than that the their them then there these they
    this those through to too under until up upon us used using very via was we were what when where
    whether which while who whom whose why will with would yes you your
    der die das den dem des ein eine einer eines einem einen und oder ist sind war waren wird werden
    wurde wurden hat haben hatte mit von zu zum zur im am auf für bei nach aus als wie was wer wo
    wann warum welche welcher welches nicht auch es sie er sich
    el la los las un una unos unas y o es son fue fueron de del al en con por para como qué que
    quién cuándo dónde cuál cuáles se su sus lo no""".split()  # noqa: SIM905 - words read best as text
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage."""

    passage: int
    """Index of the passage."""
    number: int
    """Position in the passage."""
    text: str
    tokens: int
    """Estimate, from the length of the passage in tokens."""


def sentences(text: str) -> tuple[str, ...]:
    """Split a text at the ends of sentences and lines; white space within becomes one space."""
    parts = (" ".join(part.split()) for part in _SENTENCE_END.split(text))
    return tuple(part for part in parts if part)


def words(text: str) -> tuple[str, ...]:
    """List words, numbers and placeholders as they are written."""
    return tuple(_WORD.findall(text))


def is_number(word: str) -> bool:
    """Tell whether a word begins with a digit."""
    return word[:1].isdigit()


def stem(word: str) -> str:
    """Give the inflections of a word one form; numbers lose their separators of thousands."""
    if word.startswith("<"):
        return word
    if is_number(word):
        return regex.sub(r",(?=\d{3}(?:\D|$))", "", word).rstrip(".,:")
    folded = word.casefold()
    for ending in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= 3:
            folded = folded.removesuffix(ending)
            break
    return folded.removesuffix("e")[:STEM_CHARS] if len(folded) > 3 else folded


def content(text: str) -> tuple[str, ...]:
    """List the stems of the words that carry meaning, in order."""
    return tuple(stem(word) for word in words(text) if word.casefold() not in STOP_WORDS)


def split(passages: Sequence[Passage]) -> tuple[Sentence, ...]:
    """List the sentences of all passages, in order."""
    found = []
    for index, passage in enumerate(passages):
        parts = sentences(passage.text)
        length = sum(len(part) for part in parts) or 1
        tokens = passage.tokens or length // 4
        for number, part in enumerate(parts):
            share = math.ceil(tokens * len(part) / length)
            found.append(Sentence(index, number, part, share))
    return tuple(found)


def rank(question: str, passages: Sequence[Passage], given: Sequence[Sentence]) -> list[float]:
    """Score sentences by how much of the question they hold; higher is nearer.

    A word of the question weighs the more, the fewer of the sentences hold it. Words of the
    passage's title, the sentences beside it and the rank of the passage add a little.
    """
    held = [frozenset(content(sentence.text)) for sentence in given]
    titles = [frozenset(content(passage.title)) for passage in passages]
    asked = tuple(dict.fromkeys(content(question)))
    spread = Counter(word for words_of in held for word in words_of)
    weights = {word: math.log(1 + len(given) / (1 + spread[word])) for word in asked}
    own = [
        sum(
            weight * (1.0 if word in words_of else TITLE if word in titles[sentence.passage] else 0)
            for word, weight in weights.items()
        )
        / math.sqrt(4 + len(words_of))
        for sentence, words_of in zip(given, held, strict=True)
    ]
    best = max(own, default=0.0)
    scores = []
    for index, sentence in enumerate(given):
        beside = [
            own[other]
            for other in (index - 1, index + 1)
            if 0 <= other < len(given) and given[other].passage == sentence.passage
        ]
        nearness = RANK * best / (1 + sentence.passage)
        scores.append(own[index] + NEIGHBOUR * max(beside, default=0.0) + nearness)
    return scores


def extract(question: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """Answer with the sentence of the passages that is nearest to the question, cited."""
    given = split(passages)
    if not given:
        return "", ()
    scores = rank(question, passages, given)
    best = max(range(len(given)), key=lambda index: (scores[index], -index))
    sentence = given[best]
    return sentence.text, (_citation(passages[sentence.passage], sentence.text),)


def cite(text: str, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """Cite, for each sentence of an answer, the sentence of the passages that holds most of it.

    In the order of the text, no passage's sentence twice; a sentence of which too little stands
    anywhere is not cited.
    """
    given = split(passages)
    held = [frozenset(content(sentence.text)) for sentence in given]
    cited: dict[int, Citation] = {}
    for statement in sentences(text):
        said = tuple(dict.fromkeys(content(statement)))
        if not said:
            continue
        shares = [sum(word in words_of for word in said) / len(said) for words_of in held]
        best = max(range(len(given)), key=lambda index: (shares[index], -index), default=None)
        if best is not None and shares[best] >= CITED_MIN:
            sentence = given[best]
            cited.setdefault(best, _citation(passages[sentence.passage], sentence.text))
    return tuple(cited.values())


def _citation(passage: Passage, quote: str) -> Citation:
    return Citation(
        document=passage.document,
        chunk=passage.chunk,
        title=passage.title,
        uri=passage.uri,
        quote=quote,
    )


def evidence(texts: Iterable[str]) -> frozenset[str]:
    """Collect the stems that texts hold."""
    return frozenset(stem(word) for text in texts for word in words(text))


def support(text: str, held: frozenset[str]) -> float:
    """Return the share of a text's content words that the evidence holds; 1 where it has none."""
    said = content(text)
    return sum(word in held for word in said) / len(said) if said else 1.0


def complete(text: str) -> str:
    """Leave out the last word of a text that may still grow."""
    return text[: max(text.rfind(" "), text.rfind("\n")) + 1]


def settled(text: str) -> str:
    """Leave out the last word of a text if it is a number or a name, which may still grow.

    The first word of a sentence is taken for an ordinary one.
    """
    whole = complete(text)
    word = text[len(whole) :].lstrip("\"'“‘([")
    begins = not whole.strip() or whole.rstrip()[-1] in ".!?:"
    waits = word[:1].isdigit() or word.startswith("<") or (word[:1].isupper() and not begins)
    return whole if waits else text


def unsupported(text: str, held: frozenset[str]) -> tuple[str, ...]:
    """List what an answer says without support: numbers, names and placeholders, then words.

    Numbers and names can't be put in other words, so each one that the evidence lacks counts.
    """
    found = [name for name in placeholders_in(text) if name not in held]
    for sentence in sentences(text):
        for position, word in enumerate(words(sentence)):
            if word.startswith("<") or word.casefold() in STOP_WORDS or stem(word) in held:
                continue
            name = position > 0 and word[0].isupper()
            if is_number(word) or name:
                found.append(word)
    return tuple(dict.fromkeys(found))
