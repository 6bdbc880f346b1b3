"""The calculator: work out an arithmetic expression exactly, within bounds.

    expression = term {("+" | "-") term}
    term       = factor {("*" | "/" | "of") factor}
    factor     = ("-" | "+") factor | power
    power      = primary ["^" factor]
    primary    = (number | "(" expression ")") {"%"}

What stands for a percentage of its own (`200 + 10 %`) is one of what stands before it, as on a
desk calculator: 220. Everywhere else `10 %` is a tenth.

Numbers are fractions, so nothing is rounded before the end. A value whose decimals go on for ever,
or for longer than anybody reads, is rounded half to even, and said not to be exact. Length, depth,
exponents and the size of every number on the way are bounded, so that the work is.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from schemas import Calculated

LENGTH_MAX = 400  # characters of an expression
DEPTH_MAX = 32  # parentheses, signs and powers within each other
DIGITS_MAX = 60  # of a value that is told
ROUNDED_DIGITS = 12  # significant ones of a value that is rounded
EXPONENT_MAX = 1_000
BITS_MAX = 4_096  # of a numerator or denominator on the way: some 1,200 digits

_TOKEN = re.compile(
    r"\s*(?:([0-9]{1,60}(?:\.[0-9]{1,60})?|\.[0-9]{1,60})(?![0-9.])|([-+*/^%()])|(of)\b)"
)


class _NoValue(Exception):
    """An expression has no value that can be told; says why in a word of `Calculated.error`."""


class _Term(NamedTuple):
    """A value, and whether it was written as a percentage."""

    value: Fraction
    is_share: bool = False


def calculated(expression: str) -> Calculated:
    """Work out an expression; the error is `syntax`, `zero` or `large` where it has no value."""
    try:
        value = _Parser(_tokens(expression)).value()
    except _NoValue as why:
        return Calculated(error=str(why))
    return _told(value)


def _tokens(expression: str) -> list[str]:
    if len(expression) > LENGTH_MAX:
        raise _NoValue("large")
    tokens: list[str] = []
    at, end = 0, len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise _NoValue("syntax")
        tokens.append(match[1] or match[2] or match[3])
        at = match.end()
    return tokens


class _Parser:
    """Reads tokens from the left, and works out what it reads."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def value(self) -> Fraction:
        """Work out all tokens."""
        value = self._sum()
        if self._next:
            raise _NoValue("syntax")
        return value

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        """Take the next token if it is one of those; empty if it is another."""
        token = self._next
        if token not in wanted:
            return ""
        self._at += 1
        return token

    def _sum(self) -> Fraction:
        total = self._product().value
        while sign := self._take("+", "-"):
            term = self._product()
            amount = total * term.value if term.is_share else term.value
            total = _held(total + amount if sign == "+" else total - amount)
        return total

    def _product(self) -> _Term:
        product = self._factor()
        while sign := self._take("*", "/", "of"):
            factor = self._factor().value
            if sign == "/" and not factor:
                raise _NoValue("zero")
            value = product.value / factor if sign == "/" else product.value * factor
            product = _Term(_held(value))
        return product

    def _factor(self) -> _Term:
        self._deeper()
        sign = self._take("-", "+")
        if not sign:
            term = self._power()
        else:
            inner = self._factor()
            term = _Term(-inner.value) if sign == "-" else inner
        self._depth -= 1
        return term

    def _power(self) -> _Term:
        base = self._primary()
        if not self._take("^"):
            return base
        return _Term(_raised(base.value, self._factor().value))

    def _primary(self) -> _Term:
        if self._take("("):
            self._deeper()
            value = self._sum()
            self._depth -= 1
            if not self._take(")"):
                raise _NoValue("syntax")
        else:
            token = self._next
            if not token[:1].isdigit() and token[:1] != ".":
                raise _NoValue("syntax")
            self._at += 1
            value = Fraction(token)
        is_share = False
        while self._take("%"):
            value, is_share = _held(value / 100), True
        return _Term(value, is_share)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise _NoValue("large")


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    """Raise to a whole power; how large it gets is known before it is worked out."""
    if exponent.denominator != 1:
        raise _NoValue("syntax")  # a root is not exact, and nobody asks for one by a fraction
    if abs(exponent) > EXPONENT_MAX or _bits(base) * abs(exponent) > BITS_MAX:
        raise _NoValue("large")
    if not base and exponent < 0:
        raise _NoValue("zero")
    return _held(base ** int(exponent))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _held(value: Fraction) -> Fraction:
    if _bits(value) > BITS_MAX:
        raise _NoValue("large")
    return value


def _told(value: Fraction) -> Calculated:
    """Spell a value as a decimal number: the whole of it where it has few digits."""
    places = _places(value.denominator)
    if places >= 0:
        text = _decimal(value, places)
        if sum(one.isdigit() for one in text) <= DIGITS_MAX:
            return Calculated(value=text)
    whole = abs(value.numerator) // value.denominator
    if len(str(whole)) > DIGITS_MAX:
        return Calculated(error="large")
    rounded = _rounded(value, len(str(whole)) if whole else -_zeros(abs(value)))
    return Calculated(value=rounded, exact=False) if rounded else Calculated(error="large")


def _places(denominator: int) -> int:
    """Return how many decimals a fraction has; -1 where they never end."""
    counts = []
    for prime in (2, 5):
        count = 0
        while denominator % prime == 0:
            denominator //= prime
            count += 1
        counts.append(count)
    return max(counts) if denominator == 1 else -1


def _zeros(value: Fraction) -> int:
    """Return how many zeros follow the point of a value between 0 and 1."""
    zeros = 0
    while value * 10 < 1:
        value *= 10
        zeros += 1
    return zeros


def _rounded(value: Fraction, magnitude: int) -> str:
    """Round to ROUNDED_DIGITS significant digits; empty where there would be too many zeros."""
    places = max(0, ROUNDED_DIGITS - magnitude)
    if places > DIGITS_MAX:
        return ""
    text = _decimal(Fraction(round(value * 10**places), 10**places), places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(value: Fraction, places: int) -> str:
    """Spell a fraction that has so many decimals."""
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
