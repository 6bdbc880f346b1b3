"""Nearness: how near each statement of the passages is to a question.

A word of the question weighs the more, the fewer of the statements hold it. Words of the title and
of the headings above a statement, the sentences beside it and the rank of its passage add a little;
and a statement of the form that was asked for (a command, a list, a number, "X is ...") comes
before one of another form.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import regex

from agents.answering.defining import (
    INTRODUCING,
    TERM_DEFINED,
    defines,
    defines_term,
    introductions,
)
from agents.answering.excerpts import Excerpt, excerpts_of
from agents.answering.polarity import negations
from agents.answering.question_kinds import Asked, asked_for
from agents.answering.terms import carried_off, neighbours, spelt, terms, without_namesakes
from schemas import Passage

# a grid around these four moved the answers to 500 SQuAD 2 questions by less than a point
NEIGHBOUR = 0.3  # part of a sentence's score that the sentences beside it add
TITLE = 0.2  # part of a question's weight that words of the title count for
SHORT = 4  # content words that a sentence is taken to be longer: very short ones don't win by that
RANK = 0.15  # part of the best score that the first passage gets for its rank
ABOVE = 0.6  # part of a question's weight that words of the headings above count for
CARRIED = 0.5
UNDER = 2.0  # a heading that asks the same, and what stands right under it
UNDER_TOO = 1.2  # and what stands below that
ALIKE = 0.8  # share of the words of heading and question that both hold
ABOVE_ASKED = 1.0  # the same where the heading asks, too, for the first statement below it
LONG_SHARE = 0.25  # of each further one
LONG = 14  # content words from which on a list or a listing is hardly taken to be longer

FORMS: dict[str, dict[str, float]] = {
    "how_to": {"code": 1.5, "list": 1.3, "option": 1.6, "entry": 1.1, "fragment": 0.5, "lead": 0.3},
    "list": {"list": 1.7, "row": 0.9, "code": 0.6, "entry": 0.9, "fragment": 0.5},
    "quantity": {"row": 1.2, "code": 0.6, "list": 0.9, "fragment": 0.7},
    "definition": {"code": 0.5, "list": 0.8, "row": 0.8, "fragment": 0.6},
    "comparison": {"code": 0.6, "list": 1.2, "row": 1.0, "fragment": 0.5},
    "yes_no": {"code": 0.6, "list": 0.9, "fragment": 0.6},
    "place": {"code": 0.7, "list": 0.9, "fragment": 0.6},
    "person": {"code": 0.5, "list": 0.9, "fragment": 0.7},
    "reason": {"code": 0.5, "list": 0.9, "fragment": 0.5},
    "other": {"code": 0.7, "list": 0.9, "fragment": 0.6},
}
"""How much a statement of each kind counts for a question of each kind; others 1."""
NUMBERED = 1.25  # what a quantity is asked for of, and a number in a statement
OPENING = 1.2  # a document's first chunk says what it is about
TOLD = 1.2  # a place, a person or a reason is asked for, and a statement tells one
ENUMERATING = 1.4  # several things are asked for, and a sentence lists some
PAST = 0.6  # a statement of a history of changes, where nobody asks for that
REPEATED_MAX = 4  # words of one: what holds more of a question is no mere heading
REPEATING = 0.3  # a sentence that says nothing but words of the question
REFERRING = 0.5  # a statement that only says where to read
SIDE_BY_SIDE = 0.5  # part of the lesser weight that two words side by side count for once more
FORMED = frozenset({"definition", "how_to", "list"})
"""Kinds that are told by the form of a statement: there its words side by side say less."""
ELSEWHERE = 0.5  # a statement of another document than is asked about by its title
TAKEN_OVER = 0.5  # a statement that holds nothing of a question but what it took over
DENYING = 0.6  # things are asked for, and a statement denies some
OTHER_THINGS = 0.85  # things are asked for, and neither a statement nor its heading names them
DATED = 1.3  # a time is asked for, and a statement tells a year, a month or a day

SAYING = frozenset(terms("define describe explain happen list many mean much name show tell"))
"""They say what is to be done with an answer: a statement that holds them is no nearer."""
_URL = regex.compile(r"\b(?:https?|ftp|file)://\S+")
"""Its words say where something lies, not what is so."""
_NUMBER = regex.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twice|half|zwei|drei|vier|deux|trois|dos|tres)\b"
)
_NUMERAL = regex.compile(r"\A\s*\(?\d{1,3}[.)]\s")
_TOLD = {
    "place": regex.compile(
        r"[/\\~$]\w|\b(?:in|at|near|from|to|on|under|bei|an|im|am|aus|à|en|au|dans|sur)\s+(?:the\s+|the\s+\w+\s+)?[\p{Lu}<$/~]"
    ),
    "person": regex.compile(r"(?<=\P{Lu}\s)\p{Lu}\p{Ll}+|<PERSON_"),
    "reason": regex.compile(
        r"\b(?:because|since|due\s+to|so\s+that|in\s+order|therefore|as\s+a\s+result|reason|thus|caus\w+|to\s+avoid"
        r"|weil|da|denn|damit|wegen|parce\s+que|car|pour|afin|porque|para|debido)\b",
        regex.IGNORECASE,
    ),
}  # fmt: skip
_ENUMERATES = regex.compile(
    r"\b(?:such\s+as|including|namely|zum\s+Beispiel|wie\s+etwa|tels?\s+que|tales\s+como)\b|,[^,]{1,60},[^,]{1,80}\b(?:and|or|und|oder|et|ou|y|o)\b|;[^;]+;"
)
_REFERENCE = regex.compile(r"\A\W*(?:See|For (?:more|further|details)|Refer to|Siehe|Voir|Véase)\b")
_SEE_ALSO = regex.compile(r"(?:\A|\s)(?:SEE ALSO|See also|Siehe auch|Voir aussi|Véase también)\b")
"""A heading above nothing but where to read more."""
_VERSION = regex.compile(r"(?:[Vv]ersion\s+|v)?\d{1,4}\.\d{1,4}(?:\.\d{1,4})+\W*")
"""A heading that is a version and nothing else is one of a history."""
_WHEN = regex.compile(
    r"\bwhen\b|\b(?:what|which)\s+(?:\w+\s+){0,2}(?:years?|dates?|days?|months?|century|decade)\b"
    r"|\bwann\b|\bquand\b|\bcuándo\b",
    regex.IGNORECASE,
)
_TIME = regex.compile(
    r"\b(?:1\d{3}|20\d\d)\b|\bcentur(?:y|ies)\b|\bdecades?\b"
    r"|\b(?:January|February|March|April|June|July|August|September|October|November|December)\b"
    r"|\d\.?\s(?:de\s)?(?:Jan|Feb|Mar|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
    r"|janv|févr|mars|avr|juin|juil|août|sept|oct|nov|déc|enero|febr|marzo|abril|mayo|jun|jul|agost|dic)"
)
_NUMBERED_THINGS = regex.compile(
    r"\b(?:what|which)\s+(?:\w+\s+){0,2}(?:versions|dates|years|prices|sizes|ports|numbers|ages)\b",
    regex.IGNORECASE,
)
"""Several things are asked for that are told by numbers."""
_SOMEBODY = regex.compile(
    r"\b(?:what|which)\s+(?:\w+\s+)?(?:actor|actress|artist|author|composer|emperor|engineer|founder|general|governor|individual|inventor|king|leader"
    r"|man|manager|mathematician|minister|officer|owner|painter|person|philosopher|physician|physicist|politician|president|queen"
    r"|scientist|singer|woman|writer)s?\b",
    regex.IGNORECASE,
)
"""Somebody is asked for by what they are."""
_THINGS = regex.compile(
    r"\b(?:what|which)\s+(?:other\s+)?(?P<things>(?:\p{L}[\p{L}-]*\s+){0,2}?\p{L}{2,}s)(?<!ss|us|is)\s",
    regex.IGNORECASE,
)
"""The things that are asked for: which [dependencies] does it have."""
_SECTION = regex.compile(r"\(\d\p{L}{0,2}\)\Z")
"""Of a manual page's title."""
_HISTORY = regex.compile(
    r"(?:\A|\s)v?\d+\.\d+[\w.]*\s*\(?\d{4}-\d\d|\bchange(?:s|log| history| log)\b"
    r"|\brelease notes\b|\bnew features\b|\bbug ?fixes\b",
    regex.IGNORECASE,
)
_OF_HISTORY = regex.compile(
    r"\b(?:change\w*|new|version\w*|release\w*|since|fix\w*|bugs?|added|updat\w+|history)\b|\d\.\d",
    regex.IGNORECASE,
)


def _without_addresses(text: str) -> str:
    return _URL.sub(" ", text) if "://" in text else text


class Nearness:
    """The statements of passages, each with how near it is to a question."""

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        closer: bool = True,
        nearer: bool = True,
    ) -> None:
        """Read the passages.

        `closer` is `agents.changes.CLOSER_ANSWERS`, `nearer` is NEARER_ANSWERS.
        """
        self._closer, self._nearer = closer, nearer
        self.question = question
        self.passages = tuple(passages)
        self.asked: Asked = asked_for(question, nearer=nearer)
        self._of_history = bool(_OF_HISTORY.search(question))
        self.statements: tuple[Excerpt, ...] = excerpts_of(passages, closer=closer, nearer=nearer)
        titles = [spelt(passage.title) for passage in passages]
        names = {
            term: word
            for word in sorted(spelt(question) & frozenset().union(*titles))
            for term in terms(word)
        }
        self.held = [
            without_namesakes(frozenset(terms(_without_addresses(one.text))), one.text, names)
            for one in self.statements
        ]
        asked = tuple(dict.fromkeys(terms(question)))
        self.words = tuple(word for word in asked if word not in SAYING) or asked
        self._places = {word: place for place, word in enumerate(self.words)}
        self._past: dict[str, bool] = {}
        """Headings -> whether they are those of a history."""
        self._above = [frozenset(terms(one.above)) for one in self.statements]
        self._titles = [frozenset(terms(passage.title)) for passage in passages]
        self._introducing = introductions(
            self.asked.name, self.statements, passages, closer=closer, nearer=nearer
        )
        spread = Counter(word for held in self.held for word in held)
        named = frozenset(terms(carried_off(question)))
        self.weights = {
            word: math.log(1 + len(self.statements) / (1 + spread[word]))
            * (1.0 if word in named else CARRIED)
            for word in self.words
        }
        self._under = self._headed_alike()
        plain = carried_off(question)
        self._pairs = neighbours(plain) if nearer else frozenset()
        """What stands side by side in it."""
        self._own_words = named & self._places.keys() if plain != question else frozenset()
        """Of a question that took something over, what it did not."""
        things = _THINGS.search(question) if self.asked.kind == "list" else None
        self._things = frozenset(terms(things["things"])[-1:]) if things else frozenset()
        """What is asked for by name, where it is several."""
        self._called = self._titles_asked_about(named) if nearer else ()
        self.scores = self._rank()

    def _headed_alike(self) -> dict[int, float]:
        """Find what stands under a heading that says what is asked."""
        asked = frozenset(self.words)
        found: dict[int, float] = {}
        first: dict[tuple[int, str], int] = {}
        for index, statement in enumerate(self.statements):
            heading = frozenset(terms(statement.under))
            shared = len(heading & asked)
            if not shared or shared < ALIKE * len(heading | asked):
                continue
            if bool(negations(statement.under)) is bool(negations(self.question)):
                place = statement.passage, statement.under
                block = first.setdefault(place, statement.block)
                found[index] = UNDER if block == statement.block else UNDER_TOO
        return found

    def _rank(self) -> list[float]:
        own = [self._own(index) for index in range(len(self.statements))]
        best = max(own, default=0.0)
        scores = []
        for index, statement in enumerate(self.statements):
            beside = [own[other] for other in (index - 1, index + 1) if self._beside(index, other)]
            score = own[index] + NEIGHBOUR * max(beside, default=0.0)
            score += RANK * best / (1 + statement.passage)
            scores.append(score * self._form(index, own[index] / best if best else 0.0))
        return scores

    def _own(self, index: int) -> float:
        """Score a statement by the words of the question that it, its headings and title hold."""
        held = self.held[index]
        parts: dict[int, float] = {}
        title = self._titles[self.statements[index].passage]
        meant = self.asked.name if index in self._introducing else frozenset()
        above = self._part_above(index)
        for words, part in ((title, TITLE), (self._above[index], above), (held | meant, 1.0)):
            for word in words & self._places.keys():
                parts[self._places[word]] = part
        # in the order of the question, since the order of a sum is part of its value
        counted = sum(self.weights[self.words[place]] * parts[place] for place in sorted(parts))
        part = SIDE_BY_SIDE * (0.5 if self.asked.kind in FORMED else 1.0)
        counted += part * sum(self._side_by_side(index))
        sentence = self.statements[index].kind == "sentence" and not (
            self.asked.kind == "list" and _ENUMERATES.search(self.statements[index].text)
        )
        length: float = len(held)
        if self.asked.kind == "definition" and self.statements[index].kind == "list":
            length = len(terms(self.statements[index].text.partition("\n")[0]))
        if self._under.get(index) == UNDER:
            length = min(length, SHORT)  # all of it is what was asked for
        if not sentence and length > LONG:
            length = LONG + LONG_SHARE * (length - LONG)
        return counted / math.sqrt(SHORT + length)

    def said_by(self, index: int) -> float:
        """Return which part of a question's weight a statement and its headings hold.

        All of it before `agents.changes.NEARER_ANSWERS`: then no second statement is looked for
        further down.
        """
        held = self.held[index] | self._above[index]
        said, asked = (
            math.fsum(self.weights[word] for word in words)
            for words in ([word for word in self.words if word in held], self.words)
        )
        return said / asked if self._nearer and asked else 1.0

    def _side_by_side(self, index: int) -> Iterator[float]:
        """Yield the lesser weight of each two words that stand beside each other here as there."""
        if not self._pairs:
            return
        # sorted, since the order of a sum is part of its value
        for pair in sorted(self._pairs & neighbours(self.statements[index].text)):
            known = [self.weights[word] for word in pair if word in self.weights]
            if known:
                yield min(known)

    def _titles_asked_about(self, named: frozenset[str]) -> tuple[frozenset[str], ...]:
        """List the titles of passages that a question names; none where it compares."""
        if self.asked.sides:
            return ()
        titles = (frozenset(terms(_SECTION.sub("", one.title))) for one in self.passages)
        return tuple(dict.fromkeys(title for title in titles if title and title <= named))

    def _is_elsewhere(self, index: int) -> bool:
        """Tell whether a statement is of another document than is asked about, and names none."""
        title = self._titles[self.statements[index].passage]
        return bool(self._called) and not any(
            called <= title or called <= self.held[index] for called in self._called
        )

    def _is_taken_over(self, index: int) -> bool:
        """Tell whether a statement holds nothing of a question but what it took over."""
        return (
            bool(self._own_words)
            and self._own_words.isdisjoint(self.held[index])
            and self._own_words.isdisjoint(self._above[index])
        )

    def _led_share(self, index: int) -> float:
        """Return which part of what a list holds of a question stands in what leads to it."""
        first, _, entries = self.statements[index].text.partition("\n")
        title = self._titles[self.statements[index].passage]
        led = title | self._above[index] | frozenset(terms(first) if entries else ())
        told, held = (
            math.fsum(self.weights[word] for word in words & self._places.keys())
            for words in (led, led | self.held[index])
        )
        return told / held if held else 1.0

    def _part_above(self, index: int) -> float:
        """Tell how much words of the headings count: most of one that asks, for its answer.

        What stands first below it answers it; what follows, however short it is, says more of it.
        """
        statement = self.statements[index]
        if not statement.above.endswith("?"):
            return ABOVE
        before = self.statements[index - 1] if index else None
        goes_on = before is not None and (before.passage, before.above) == (
            statement.passage,
            statement.above,
        )
        return ABOVE if goes_on else ABOVE_ASKED

    def _beside(self, index: int, other: int) -> bool:
        """Tell whether there is such another sentence, in the same passage."""
        if not 0 <= other < len(self.statements):
            return False
        one, two = self.statements[index], self.statements[other]
        return one.passage == two.passage and one.kind == two.kind == "sentence"

    def _form(self, index: int, share: float) -> float:
        """Return how much a statement's form counts, given its part of the best score of words."""
        statement = self.statements[index]
        kind, text = self.asked.kind, statement.text
        factor = FORMS[kind].get(statement.kind, 1.0)
        if factor > 1:  # a list that is about something else was not asked for
            led = self._nearer and kind == statement.kind == "list"
            factor = 1 + (factor - 1) * share * (self._led_share(index) if led else 1.0)
        numbered = kind == "quantity" or (self._nearer and _NUMBERED_THINGS.search(self.question))
        if numbered and _NUMBER.search(_NUMERAL.sub("", text)):
            factor *= NUMBERED
        if self._nearer:
            factor *= self._nearer_form(index)
        if kind == "definition":
            told = INTRODUCING if index in self._introducing else 1.0
            factor *= max(told, defines(self.asked.name, statement, nearer=self._nearer))
            factor *= OPENING if self.passages[statement.passage].number == 0 else 1.0
        if defines_term(self._places.keys(), text):
            factor *= TERM_DEFINED
        if kind in _TOLD and _TOLD[kind].search(text):
            factor *= TOLD
        past = self._is_past(statement.above) or (
            self._nearer and _VERSION.fullmatch(statement.under) is not None
        )
        if not self._of_history and past:
            factor *= PAST
        factor *= self._under.get(index, 1.0)
        if kind == "list" and statement.kind == "sentence" and _ENUMERATES.search(text):
            factor *= 1 + (ENUMERATING - 1) * share
        if self._closer and statement.kind == "sentence" and self._repeats(index):
            factor *= REPEATING
        if statement.kind == "sentence" and _REFERENCE.match(text):
            factor *= REFERRING
        return factor

    def _nearer_form(self, index: int) -> float:
        """Return how much what a statement says, and of what, counts beside its form."""
        text, factor = self.statements[index].text, 1.0
        if self.asked.kind == "quantity" and _WHEN.search(self.question) and _TIME.search(text):
            factor *= DATED
        if self.asked.kind != "person" and _SOMEBODY.search(self.question):
            factor *= TOLD if _TOLD["person"].search(text) else 1.0
        denies = self.asked.kind == "list" and not negations(self.question)
        if denies and self.statements[index].kind == "sentence" and negations(text):
            factor *= DENYING
        named = self._things & self.held[index] or self._things & self._above[index]
        if self._things and not named:
            factor *= OTHER_THINGS
        if self._is_elsewhere(index):
            factor *= ELSEWHERE
        if self._is_taken_over(index):
            factor *= TAKEN_OVER
        if _SEE_ALSO.search(self.statements[index].above):
            factor *= REFERRING
        return factor

    def _repeats(self, index: int) -> bool:
        """Tell whether a sentence says no more than the question; to a yes or no it may."""
        held = self.held[index]
        if self.asked.kind == "yes_no" and len(held) > 1:
            return False
        return len(held) < REPEATED_MAX and held <= self._places.keys()

    def _is_past(self, above: str) -> bool:
        if above not in self._past:
            self._past[above] = _HISTORY.search(above) is not None
        return self._past[above]
