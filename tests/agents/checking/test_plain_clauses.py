"""Clauses, read the plain way: piece by piece, asking of each word whatever a word may be asked.

The reader that is used looks at most words once. Both must read all sentences alike.
"""

from hypothesis import example, given
from hypothesis import strategies as st

from agents.checking import clauses
from agents.checking.clauses import Claim, Marked, Term, claim_of
from agents.checking.polar_words import (
    BREAKS,
    COMPARATIVES,
    CONDITIONS,
    LEXICAL_NEGATORS,
    MODALS,
    NEGATED_ONLY,
    PARTNERS,
    PLAIN_NEGATORS,
    QUANTIFIERS,
    axis_of,
)
from agents.checking.quantities import quantities
from agents.checking.units import UNITS
from agents.language import STOP_WORDS, stem


def plainly_read(sentence):
    claim = Claim(points=list(clauses.calendar_points(sentence)))
    plain = clauses._hidden(sentence, ((point.start, point.end) for point in claim.points))
    claim.quantities += quantities(plain)
    claim.opened.append(clauses._OPEN.search(plain) is not None)
    for clause in _clauses(_pieces(plain, claim.quantities)):
        _read(clause, claim)
    return claim


def _pieces(sentence, numbers):
    places = {quantity.start: quantity for quantity in numbers}
    behind, measured, first = 0, False, True
    for match in (clauses._ASCII_PIECE if sentence.isascii() else clauses._PIECE).finditer(
        sentence
    ):
        number = places.get(match.start()) or places.get(match.start() - 1)
        if number is not None:
            behind, measured = number.start + len(number.written), bool(number.dimension)
            yield clauses._Piece("number", "", name=False)
        if match["elided"] and match[0][0] not in "nN":
            continue
        if match.start() < behind:
            continue
        written = match[0]
        word = "ne" if match["elided"] else written.casefold()
        if word.endswith(clauses._ELIDED):
            word = word[:-2]
        if not (measured and (written in UNITS or word in UNITS)):
            mixed = bool(match["name"] or match["code"] or clauses._is_mixed(written))
            name = mixed or (written[0].isupper() and not first)
            yield clauses._Piece(str(match.lastgroup), written if match["name"] else word, name)
        measured, first = False, False


def _clauses(pieces):
    clause = []
    for piece in pieces:
        if piece.kind == "break" or piece.word in BREAKS or piece.word in CONDITIONS:
            yield clause
            clause = [piece] if piece.word in CONDITIONS else []
        else:
            clause.append(piece)
    yield clause


def _read(clause, claim):
    found = []
    negations = []
    bounds = clauses._of_bounds(clause)
    words = [piece.word for piece in clause]
    marked = []
    for index, piece in enumerate(clause):
        if index in bounds:
            continue
        before = words[max(0, index - clauses.SCOPE) : index]
        behind = words[index + 1] if index + 1 < len(words) else ""
        if clauses._negates(piece.word, before, behind):
            negations.append((len(found), piece.word in LEXICAL_NEGATORS))
        elif (kind := QUANTIFIERS.get(piece.word)) and not clauses._is_about(clause, index, kind):
            if not (before and before[-1] in PLAIN_NEGATORS and piece.word in NEGATED_ONLY):
                marked.append((claim.quantifiers, kind, len(found)))
        elif piece.word in CONDITIONS:
            marked.append((claim.conditions, CONDITIONS[piece.word], len(found)))
        elif not (piece.word in MODALS or _is_function(piece)):
            found.append(_item(piece))
            claim.names += [found[-1].stem] if piece.name else []
        if kind := MODALS.get(piece.word):
            marked.append((claim.modals, kind, len(found)))
    flags = clauses._flags(len(found), negations)
    claim.items += [item._replace(negated=flag) for item, flag in zip(found, flags, strict=True)]
    for place, _ in negations:
        reached = found[place : place + clauses.SCOPE] or found[-clauses.BACK :]
        claim.scopes.append(tuple(item.stem for item in reached))
    negated = any(not lexical for _, lexical in negations)
    for listed, kind, place in marked:
        reach = clauses.CONDITION_MAX if listed is claim.conditions else clauses.NEAR
        near = found[place : place + reach] or found[-clauses.BACK :]
        listed.append(Marked(kind, negated, frozenset(item.stem for item in near)))


def _is_function(piece):
    if piece.word in PLAIN_NEGATORS or piece.word == "ne" or piece.kind == "number":
        return True
    return piece.kind == "word" and piece.word in STOP_WORDS and axis_of(piece.word) is None


def _item(piece):
    if piece.kind in {"name", "code", "sign"}:
        return Term(piece.word, piece.word)
    axis, place = axis_of(piece.word) or ("", 0)
    return Term(stem(piece.word), piece.word, axis, place)


ODD = """than als at least most or oder the of some l'eau n'est qu'on isn't can’t Ada's pump Pump leaks
unstable hot COLD p53 eu-west-2 a.b.c iPhone _x <PERSON_1> 不 水 น été ß 12 5.5 1,000 150 2024-05-12 14:30 no x"""
WORDS = st.sampled_from(
    [
        *sorted(LEXICAL_NEGATORS | PLAIN_NEGATORS | BREAKS | NEGATED_ONLY | COMPARATIVES),
        *[*QUANTIFIERS, *MODALS, *CONDITIONS, *PARTNERS, *sorted(UNITS)[:40]],
        *[*ODD.split(), "3 km", "May 2024", "20 %", "n'est jamais", "l'eau jamais"],
        *sorted(STOP_WORDS),
    ]
)
SIGNS = st.sampled_from([*",;:.!?()", "...", "。", " - ", "\n"])
PARTS = st.one_of(WORDS, WORDS, SIGNS, st.text(max_size=3))
SENTENCES = st.lists(PARTS, max_size=14).map(" ".join)


@example("Il n'est jamais froid.")
@given(SENTENCES)
def test_a_sentence_is_read_as_the_plain_way_reads_it(sentence):
    claim_of.cache_clear()
    assert vars(claim_of(sentence)) == vars(plainly_read(sentence))


def test_what_was_read_before_changes_nothing():
    sentence = "The pump is not hot, and the hot pump may leak."
    first = vars(claim_of(sentence)).copy()
    claim_of.cache_clear()
    claim_of("Hot pumps leak, but no pump may be hot.")
    assert vars(claim_of(sentence)) == first == vars(plainly_read(sentence))
