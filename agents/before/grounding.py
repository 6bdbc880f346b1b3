"""Grounding of 0.1.0: which sentences are near to a question, and which hold an answer."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from agents.answering.nearest import Nearest
from agents.evidence import unsupported
from agents.language import content, meant, sentences
from schemas import Citation, Passage

CITED_MIN = 0.5  # share of a sentence's content words that a passage's sentence must hold
# a grid around these four moved the answers to 500 SQuAD 2 questions by less than a point
NEIGHBOUR = 0.3  # part of a sentence's score that the sentences beside it add
TITLE = 0.2  # part of a question's weight that words of the title count for
SHORT = 4  # content words that a sentence is taken to be longer: very short ones don't win by that
HEADED = 0.8  # part of a heading's score that passes to the sentence below it
ENDING_MAX = 3  # letters by which a word and its inflection differ
RANK = 0.15  # part of the best score that the first passage gets for its rank

# what a heading, a list's entry or a question of an FAQ lacks: the end of a statement
_STATED = regex.compile(r"[.!…:;。！][\"'”’»)\]]*\Z")


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


def split(passages: Sequence[Passage]) -> tuple[Sentence, ...]:
    """List the sentences of all passages, in order."""
    listed = []
    for index, passage in enumerate(passages):
        parts = sentences(passage.text)
        length = sum(len(part) for part in parts) or 1
        tokens = passage.tokens or length // 4
        for number, part in enumerate(parts):
            share = math.ceil(tokens * len(part) / length)
            listed.append(Sentence(index, number, part, share))
    return tuple(listed)


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
        self._asked_words = frozenset(meant(question))
        self._asked_stems = frozenset(
            stem for word in self._asked_words for stem in without_ending(word)
        )
        stated = [bool(_STATED.search(sentence.text)) for sentence in self.sentences]
        some_stated = any(stated)
        self._heads = [some_stated and not state for state in stated]
        self.scores = self._rank(question)
        self._nearest = Nearest(self._held, self._asked, self._heads, self.scores)

    def _rank(self, question: str) -> list[float]:
        own = self._headed(self._own(question))
        best = max(own, default=0.0)
        scores = []
        for index, sentence in enumerate(self.sentences):
            beside = (
                own[other] for other in (index - 1, index + 1) if self._together(index, other)
            )
            nearness = RANK * best / (1 + sentence.passage)
            scores.append(own[index] + NEIGHBOUR * max(beside, default=0.0) + nearness)
        return scores

    def _own(self, question: str) -> list[float]:
        """Score each sentence by the words of the question that it and its title hold."""
        spread = Counter(word for held in self._held for word in held)
        asked = list(dict.fromkeys(content(question)))
        weights = [math.log(1 + len(self.sentences) / (1 + spread[word])) for word in asked]
        place = {word: index for index, word in enumerate(asked)}
        titles = [
            {place[word] for word in content(passage.title) if word in place}
            for passage in self.passages
        ]
        own = []
        for sentence, held in zip(self.sentences, self._held, strict=True):
            said = {place[word] for word in held if word in place}
            # in the order of the question, since the order of a sum is part of its value
            counted = (
                weights[index] * (1.0 if index in said else TITLE)
                for index in sorted(said | titles[sentence.passage])
            )
            own.append(sum(counted) / math.sqrt(SHORT + len(held)))
        return own

    def _headed(self, own: Sequence[float]) -> list[float]:
        """Pass a heading's score on to the sentence below it."""
        passed = list(own)
        for index in range(1, len(passed)):
            above = index - 1
            if self._together(index, above) and self._heads[above] and not self._heads[index]:
                passed[index] = max(passed[index], HEADED * passed[above])
        return passed

    def _together(self, index: int, other: int) -> bool:
        """Tell whether there is such another sentence, in the same passage."""
        given = self.sentences
        return 0 <= other < len(given) and given[other].passage == given[index].passage

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
        nearest = (self._nearest(statement) for statement in sentences(text))
        kept = dict.fromkeys(index for index, share in nearest if share >= CITED_MIN)
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
            index, share = self._nearest(statement)
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
            word not in self._asked_stems and self._asked_words.isdisjoint(without_ending(word))
            for word in meant(text)
        )

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


def without_ending(word: str) -> tuple[str, ...]:
    """List what a word may be an inflection of: itself, and it without its last letters."""
    return tuple(word[:length] for length in range(max(1, len(word) - ENDING_MAX), len(word) + 1))
