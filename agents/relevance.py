"""Relevance: how sure it is that a passage answers a question.

Similarity alone can't tell: a short question has little that could match, and most of a passage on
several things is about something else. So the share of the question's words that two sentences in a
row hold is added to it, and a logistic curve maps the sum to 0 … 1.

Why it is so: measured with bge-small-en-v1.5 on questions put to a collection with the answer and
to one of other titles, of up to 350 chunks. Per cent of false abstentions (in brackets where
the right chunk is all there is) and of false answers, and the area under the ROC curve; similarity
alone at its former threshold, then with the share, its threshold set on one half of the questions
(5 % false answers, as a mean of SQuAD, CLAP NQ, AWS and mixed) and tried on the other, both ways:

    questions               similarity alone              with the share held
    SQuAD 2            300   2.7  (3.7)   5.7  .993        1.0  (1.0)   5.0  .997
    CLAP NQ            160   0.0  (0.0)  15.6  .998        1.2  (1.2)  10.0  .992
    AWS documents       45   4.4 (13.3)  11.1  .987        6.7 (15.6)   0.0  .992
    CACM                52   3.8  (5.8)  34.6  .943       15.4 (19.2)  21.2  .911
    SQuAD 2, mixed     300  11.7 (21.7)   4.3  .981        3.0  (6.7)   4.0  .995
    SQuAD 2, short     297  25.3 (31.3)   6.7  .910        7.4 (11.1)  21.2  .945
    CLAP NQ, short     159  13.2 (14.5)   8.8  .962        1.9  (8.8)  19.5  .954
    mixed and short    299  32.8 (47.5)   2.7  .919       10.0 (16.4)  12.7  .952

Mixed chunks join parts of four titles; short questions are made of a long one's rarest noun phrase
("What about the trading centre?"). About half of the false answers to those are passages that hold
all of it, so nothing here can tell them apart. Statements of a topic (CACM) lose: they are long and
not put in the words of a text. Of SQuAD's near misses 96 % pass, before 92 %: it takes the answer
to refuse them. Where reranking was skipped, the vectors' similarity takes the place of late
interaction: 1.3 (1.3) 5.3 .996 for SQuAD 2, 5.3 (11.7) 3.3 .991 for mixed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

import regex

from agents.language import STOP_WORDS, content, is_number, sentences, stem, words

DECIMALS = 6
NAME = 2.0  # weight of a number or a name, which can't be put in other words; that of a word is 1
ENOUGH = 8.0  # weight from which all counts as held: nobody repeats all of a long question

_GENITIVE = regex.compile(r"['’]s\b")


@lru_cache(maxsize=64)
def asked(question: str) -> Mapping[str, float]:
    """Return the stems that a passage should hold, with their weights."""
    weights: dict[str, float] = {}
    for sentence in sentences(_GENITIVE.sub("", question)):
        for position, word in enumerate(words(sentence)):
            if word.casefold() in STOP_WORDS:
                continue
            # the first word is written large whatever it is
            name = word[0] == "<" or is_number(word) or (position > 0 and word[0].isupper())
            form = stem(word)
            weights[form] = max(weights.get(form, 0.0), NAME if name else 1.0)
    return weights


def held(question: str, text: str) -> float:
    """Return the share of what is asked that two sentences in a row hold; 0 if nothing is asked."""
    weights = asked(question)
    if not weights:
        return 0.0
    stems = [weights.keys() & content(sentence) for sentence in sentences(text)]
    if not any(stems):
        return 0.0
    pairs = (one | other for one, other in pairwise([*stems, set[str]()]) if one or other)
    # whole numbers, so that their sum is the same in any order
    best = max(sum(map(weights.__getitem__, pair)) for pair in pairs)
    return min(1.0, best / min(ENOUGH, sum(weights.values())))


def relevance(similarity: float, share: float, calibration: Mapping[str, float]) -> float:
    """Map a similarity and the share that is held to 0 … 1.

    The logistic curve has the given `slope`, and is 0.5 where similarity + `held` * share is
    `middle`.
    """
    value = similarity + calibration["held"] * share
    exponent = calibration["slope"] * (value - calibration["middle"])
    if exponent < -60:
        return 0.0
    # rounded far above the last digit, in which mathematics libraries differ
    return round(1 / (1 + math.exp(-exponent)), DECIMALS)
