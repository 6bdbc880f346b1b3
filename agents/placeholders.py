r"""Placeholders: how redacted text names the values taken out of it, and how they return.

A placeholder is `<KIND_NUMBER>`, such as `<PERSON_1>`. Text may hold such a thing of its own
accord, a message of only placeholders for one. So `escape` puts an underscore behind the bracket of
everything in the original text that looks like a placeholder, escaped ones included: `<PERSON_1>`
becomes `<_PERSON_1>`, and that becomes `<__PERSON_1>`. No other bracket is touched, so markup stays
readable for the models. `restore` undoes both in one pass: it takes one underscore off what has
one, and looks up what has none.

The grammar stands here and nowhere else. It is part of every log, so it can't be widened: text that
was left as it is today would be read as an escaped placeholder tomorrow. A kind that it can't spell
(`IPV4_ADDRESS`) would be put into texts and never taken out again; `inexpressible` finds it before.

A number is counted, from 1, or it comes from the value's keyed digest, so that one value has one
placeholder in all of a tenant's texts. It is spelt in digits for that reason: `<PERSON_7f3a>` would
be another grammar.

Why it is so: one pass, since a restored value may itself look like a placeholder. And every token
begins with `<`, ends with `>` and holds neither within, so the tokens of a redacted text are
exactly those that redaction wrote and those that it escaped, wherever the cuts between text and
values fell.
"""

import re
from collections.abc import Iterable, Mapping

from agents.normal_forms import normalized

_KIND = r"[A-Z]+(?:_[A-Z]+)*"
TOKEN = rf"<_*{_KIND}_[0-9]+>"
"""Pattern of a placeholder or an escaped look-alike, for `re` and `regex` alike."""

ONE_WORD = r"<[A-Z][A-Z0-9_]*_\d+>"
"""Pattern of what rewriting and index terms take for one word: placeholders, and a little more.

It names no value and restores nothing. It stays as it is, because queries on the log rest on it."""

_TOKEN = re.compile(rf"<(_*)({_KIND}_[0-9]+)>")
_BEGINNING = re.compile(rf"<_*+(?:{_KIND}(?:_[0-9]*+)?)?")
_EXPRESSIBLE = re.compile(_KIND)

DIGITS_LONG = 7
"""A number with as many digits is an identifier: spaces, dashes and brackets are its layout."""

DERIVED_DIGITS = 12
"""Of 100,000 values of one kind, two share a number with a chance of 1 in 180, and in one document
or conversation never: see `agents.numbering`. More digits would be more tokens of each chunk."""
DERIVED_MIN = int(10 ** (DERIVED_DIGITS - 1))

_DIGIT = re.compile(r"\d")
_LAYOUT = re.compile(r"[\s()\-\u2010-\u2015]+")


def placeholder(kind: str, number: int) -> str:
    """Spell the placeholder of the number-th value of a kind, from 1."""
    return f"<{kind}_{number}>"


def derived(kind: str, digest: str) -> str:
    """Spell the placeholder that a value has in all that its tenant has, by its keyed digest.

    Its number has DERIVED_DIGITS digits, more than anything that is counted.
    """
    return placeholder(kind, DERIVED_MIN + int(digest[:16], 16) % (9 * DERIVED_MIN))


def is_derived(name: str) -> bool:
    """Tell whether a placeholder's number comes from a digest, and was not counted."""
    return number_of(name) >= DERIVED_MIN


def kind_of(name: str) -> str:
    """Read the kind that a placeholder names."""
    return name[1:-1].rpartition("_")[0]


def number_of(name: str) -> int:
    """Read the number that a placeholder names."""
    return int(name[1:-1].rpartition("_")[2])


def inexpressible(kinds: Iterable[str]) -> tuple[str, ...]:
    """List the kinds of which no placeholder can be made: capitals joined by single underscores."""
    return tuple(kind for kind in kinds if not _EXPRESSIBLE.fullmatch(kind))


def escape(text: str) -> str:
    """Mark what looks like a placeholder in original text as not being one."""
    return _TOKEN.sub(r"<_\1\2>", text)


def restore(text: str, mapping: Mapping[str, str]) -> str:
    """Put values back for their placeholders, and take the escaping off everything else.

    A placeholder that the mapping lacks stays as it is: a reader who may not see a value sees
    its placeholder. Call it once, on whole text or on parts that split no token.
    """

    def original(token: re.Match[str]) -> str:
        marks, name = token.groups()
        if marks:
            return f"<{marks[1:]}{name}>"
        return mapping.get(token[0], token[0])

    return _TOKEN.sub(original, text)


def held_back(text: str) -> int:
    """Count the characters at the end of a text that may be the beginning of a placeholder.

    Who hands out text in parts keeps them until more has come. An escaped look-alike counts too.
    """
    at = text.rfind("<")  # no token holds a second bracket
    return len(text) - at if at >= 0 and _BEGINNING.fullmatch(text, at) else 0


def placeholders_in(text: str) -> tuple[str, ...]:
    """List the distinct placeholders of redacted text, in the order of their first use."""
    return tuple(dict.fromkeys(token[0] for token in _TOKEN.finditer(text) if not token[1]))


def cut(text: str, most: int) -> str:
    """Return the beginning of a text, in which no placeholder is cut."""
    if len(text) <= most:
        return text
    return text[: most - held_back(text[:most])]


def rename(text: str, names: Mapping[str, str]) -> str:
    """Give placeholders other names, all at once; those that `names` lacks keep theirs."""
    return _TOKEN.sub(
        lambda token: token[0] if token[1] else names.get(token[0], token[0]),
        text,
    )


def canonical(value: str) -> str:
    """Give the spellings of one value a common form: what its keyed digest is taken of.

    Case, width and white space do not count; nor does the layout of long numbers (telephone,
    card, account).
    """
    folded = " ".join(normalized("NFKC", value).casefold().split())
    digits = len(_DIGIT.findall(folded))
    if digits >= DIGITS_LONG and digits > sum(character.isalpha() for character in folded):
        return _LAYOUT.sub("", folded)
    return folded
