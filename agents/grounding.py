"""Grounding: which words and sentences of the passages an answer rests on.

Everything here compares stems of content words. Stemming is crude on purpose: it only has to give
inflections of one word a common form, in any language that inflects at the end of a word.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from agents.placeholders import placeholders_in
from schemas import Citation, Passage

STEM_CHARS = 6  # a longer word is known by its beginning, once its ending is off
CITED_MIN = 0.5  # share of a sentence's content words that a passage's sentence must hold
# a grid around these four moved the answers to 500 SQuAD 2 questions by less than a point
NEIGHBOUR = 0.3  # part of a sentence's score that the sentences beside it add
TITLE = 0.2  # part of a question's weight that words of the title count for
SHORT = 4  # content words that a sentence is taken to be longer: very short ones don't win by that
HEADED = 0.8  # part of a heading's score that passes to the sentence below it
RANK = 0.15  # part of the best score that the first passage gets for its rank

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"  # written without spaces: a sign is a word
_WORD = regex.compile(
    r"<_*[A-Z]+(?:_[A-Z]+)*_[0-9]+>|\d+(?:[.,:]\d+)*|"
    rf"{_UNSPACED}|[[\p{{L}}\p{{M}}\p{{N}}]--{_UNSPACED}]+",
    regex.V1,
)
_ASCII_WORD = re.compile(r"<_*[A-Z]+(?:_[A-Z]+)*_[0-9]+>|[0-9]+(?:[.,:][0-9]+)*|[A-Za-z0-9]+")
"""The same for text of ASCII alone: Python's own engine is a quarter faster."""
_SENTENCE_END = regex.compile(
    r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[<]?[\p{Lu}\p{Lo}\p{N}<])|[。！？]|\s*\n\s*"
)
# what a heading, a list's entry or a question of an FAQ lacks: the end of a statement
_STATED = regex.compile(r"[.!…:;。！][\"'”’»)\]]*\Z")
_ABBREVIATION = regex.compile(
    r"(?<![\p{L}.])(?:Dr|Mr|Mrs|Ms|St|No|vs|Fig|Inc|Ltd|Co|cf|ca|approx|e\.g|i\.e|\p{Lu})\Z"
)
_ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ings",
    "ing",
    "edly",
    "ies",
    "ied",
    "ed",
    "es",
    "ly",
    "s",
    "y",
)
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


PASSAGES_KEPT = 1_024
"""Texts whose sentences and words are kept: each passage is looked at several times an answer."""


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


@lru_cache(maxsize=PASSAGES_KEPT)
def sentences(text: str) -> tuple[str, ...]:
    """Split a text at the ends of sentences and lines; white space within becomes one space."""
    parts, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if end[0][0] == "." and _ABBREVIATION.search(text, max(0, end.start() - 8), end.start()):
            continue
        parts.append(text[start : end.end()])
        start = end.end()
    parts.append(text[start:])
    return tuple(plain for part in parts if (plain := " ".join(part.split())))


def words(text: str) -> tuple[str, ...]:
    """List words, numbers and placeholders as they are written."""
    return tuple((_ASCII_WORD if text.isascii() else _WORD).findall(text))


def is_number(word: str) -> bool:
    """Tell whether a word begins with a digit."""
    return word[:1].isdigit()


@lru_cache(maxsize=65_536)
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


@lru_cache(maxsize=PASSAGES_KEPT)
def content(text: str) -> tuple[str, ...]:
    """List the stems of the words that carry meaning, in order."""
    return tuple(filter(None, map(_meaning, words(text))))


@lru_cache(maxsize=65_536)
def _meaning(word: str) -> str:
    return "" if word.casefold() in STOP_WORDS else stem(word)


def _meant(text: str) -> tuple[str, ...]:
    folded = (word.casefold() for word in words(text))
    return tuple(word for word in folded if word not in STOP_WORDS)


def _inflected(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and len(long) - len(short) <= 3


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


class Grounds:
    """The sentences that may answer a question, each with how near it is to the question.

    A word of the question weighs the more, the fewer of the sentences hold it. Words of the
    passage's title, the sentences beside it and the rank of the passage add a little.
    """

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.sentences = split(passages)
        self._held = [frozenset(content(sentence.text)) for sentence in self.sentences]
        self._asked = frozenset(content(question))
        self._asked_words = _meant(question)
        stated = [bool(_STATED.search(sentence.text)) for sentence in self.sentences]
        self._heads = [any(stated) and not state for state in stated]
        self.scores = self._rank(question)

    def _rank(self, question: str) -> list[float]:
        given, held = self.sentences, self._held
        titles = [frozenset(content(passage.title)) for passage in self.passages]
        spread = Counter(word for words_of in held for word in words_of)
        weights = {
            word: math.log(1 + len(given) / (1 + spread[word]))
            for word in dict.fromkeys(content(question))
        }
        own = []
        for sentence, words_of in zip(given, held, strict=True):
            title = titles[sentence.passage] - words_of
            found = (
                weight * (1.0 if word in words_of else TITLE)
                for word, weight in weights.items()
                if word in words_of or word in title
            )
            own.append(sum(found) / math.sqrt(SHORT + len(words_of)))
        for index in range(1, len(given)):
            above = index - 1
            same = given[above].passage == given[index].passage
            if same and self._heads[above] and not self._heads[index]:
                own[index] = max(own[index], HEADED * own[above])
        best = max(own, default=0.0)
        scores = []
        for index, sentence in enumerate(given):
            beside = (
                own[other]
                for other in (index - 1, index + 1)
                if 0 <= other < len(given) and given[other].passage == sentence.passage
            )
            nearness = RANK * best / (1 + sentence.passage)
            scores.append(own[index] + NEIGHBOUR * max(beside, default=0.0) + nearness)
        return scores

    def extract(self) -> tuple[str, tuple[Citation, ...]]:
        """Answer with the sentence that is nearest to the question, cited.

        A heading may be nearer, but it answers nothing.
        """
        if not self.sentences:
            return "", ()
        best = max(
            range(len(self.sentences)),
            key=lambda index: (not self._heads[index], self.scores[index], -index),
        )
        return self.sentences[best].text, (self._citation(best),)

    def cite(self, text: str) -> tuple[Citation, ...]:
        """Cite, for each sentence of an answer, the sentence that holds most of it.

        In the order of the text, none twice; a sentence of which too little stands anywhere is not
        cited.
        """
        found = (self._best(statement) for statement in sentences(text))
        kept = dict.fromkeys(index for index, share in found if share >= CITED_MIN)
        return tuple(self._citation(index) for index in kept)

    def stands(self, text: str, share_min: float, near_min: float) -> bool:
        """Tell whether an answer rests on single sentences, one of them near to the question.

        Words that each stand somewhere don't make a true sentence: so one sentence has to hold
        `share_min` of the content words of each sentence of the answer, and all of its numbers and
        names. And a true sentence may answer another question: so one of them has to reach
        `near_min` of the best score. Words of the question count as held, but an answer has to say
        something beside them.
        """
        if not self._adds(text):
            return False
        nearest = near_min * max(self.scores, default=0.0)
        near = False
        for statement in sentences(text):
            index, share = self._best(statement)
            if (
                index < 0
                or share < share_min
                or unsupported(statement, self._held[index] | self._asked)
            ):
                return False
            near = near or self.scores[index] >= nearest
        return near

    def _adds(self, text: str) -> bool:
        """Tell whether a text has a word that is not the question's own, inflected or not."""
        return any(
            not any(_inflected(word, asked) for asked in self._asked_words) for word in _meant(text)
        )

    def _best(self, statement: str) -> tuple[int, float]:
        """Find the sentence that holds most of a statement; (-1, 0.0) where there is none.

        Words of the question count as held by every sentence, since an answer may repeat them.
        """
        said = dict.fromkeys(content(statement))
        if not said or not self.sentences:
            return -1, 0.0
        held = [sum(word in words_of for word in said) for words_of in self._held]
        share = [
            sum(word in words_of or word in self._asked for word in said) / len(said)
            for words_of in self._held
        ]
        best = max(
            range(len(share)),
            key=lambda index: (
                share[index] * (not self._heads[index]),
                held[index],
                self.scores[index],
                -index,
            ),
        )
        return best, share[best]

    def _citation(self, index: int) -> Citation:
        sentence = self.sentences[index]
        passage = self.passages[sentence.passage]
        return Citation(
            document=passage.document,
            chunk=passage.chunk,
            title=passage.title,
            uri=passage.uri,
            quote=sentence.text,
        )


def evidence(texts: Iterable[str]) -> frozenset[str]:
    """Collect the stems that texts hold."""
    return frozenset(form for text in texts for form in map(stem, words(text)))


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
