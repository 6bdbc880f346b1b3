r"""Placeholders: how redacted text names the values taken out of it, and how they return.

A placeholder is `<KIND_NUMBER>`, such as `<PERSON_1>`. Text may hold such a thing of its own
accord, a message of only placeholders for one. So `escape` puts an underscore behind the bracket of
everything in the original text that looks like a placeholder, escaped ones included: `<PERSON_1>`
becomes `<_PERSON_1>`, and that becomes `<__PERSON_1>`. No other bracket is touched, so markup stays
readable for the models. `restore` undoes both in one pass: it takes one underscore off what has
one, and looks up what has none.

Why it is so: one pass, since a restored value may itself look like a placeholder. And every token
begins with `<`, ends with `>` and holds neither within, so the tokens of a redacted text are
exactly those that redaction wrote and those that it escaped, wherever the cuts between text and
values fell.
"""

import re
import unicodedata
from collections.abc import Mapping

TOKEN = re.compile(r"<(_*)([A-Z]+(?:_[A-Z]+)*_[0-9]+)>")
"""A placeholder, or an escaped look-alike when the first group isn't empty."""

DIGITS_LONG = 7
"""A number with as many digits is an identifier: spaces, dashes and brackets are its layout."""

_DIGIT = re.compile(r"\d")
_LAYOUT = re.compile(r"[\s()\-\u2010-\u2015]+")


def placeholder(kind: str, number: int) -> str:
    """Spell the placeholder of the number-th value of a kind, from 1."""
    return f"<{kind}_{number}>"


def escape(text: str) -> str:
    """Mark what looks like a placeholder in original text as not being one."""
    return TOKEN.sub(r"<_\1\2>", text)


def restore(text: str, mapping: Mapping[str, str]) -> str:
    """Put values back for their placeholders, and take the escaping off everything else.

    A placeholder that the mapping lacks stays as it is: a reader who may not see a value sees
    its placeholder. Call it once, on whole text or on parts that split no token.
    """

    def original(found: re.Match[str]) -> str:
        marks, name = found.groups()
        if marks:
            return f"<{marks[1:]}{name}>"
        return mapping.get(found[0], found[0])

    return TOKEN.sub(original, text)


def placeholders_in(text: str) -> tuple[str, ...]:
    """List the distinct placeholders of redacted text, in the order of their first use."""
    return tuple(dict.fromkeys(found[0] for found in TOKEN.finditer(text) if not found[1]))


def rename(text: str, names: Mapping[str, str]) -> str:
    """Give placeholders other names, all at once; those that `names` lacks keep theirs."""
    return TOKEN.sub(
        lambda found: found[0] if found[1] else names.get(found[0], found[0]),
        text,
    )


def canonical(value: str) -> str:
    """Give the spellings of one value a common form: what its keyed digest is taken of.

    Case, width and white space do not count; nor does the layout of long numbers (telephone,
    card, account).
    """
    folded = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    digits = len(_DIGIT.findall(folded))
    if digits >= DIGITS_LONG and digits > sum(character.isalpha() for character in folded):
        return _LAYOUT.sub("", folded)
    return folded
