r"""Structured kinds: what shows itself by its form, and is checked where it has a check.

One look at a text, without the model: mail addresses (also "x [at] y [dot] z"), cards, accounts,
machines, telephone numbers, numbers that states give, addresses of pages, coins, credentials, and
what a word announces (ages, days of birth). Every quantifier has a bound, or nothing follows it
that could make it turn back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import regex

from connectors.presidio.detector import EMAIL_ADDRESS
from connectors.presidio.personal_patterns import PATTERNS
from connectors.tagger.checksums import base58check, bech32, digits_of, iban, luhn
from connectors.tagger.national_ids import CUE_CHARACTERS, NATIONAL_IDS
from connectors.tagger.numbers import ip_addresses, phones
from connectors.tagger.secret_values import credentials


class FoundValue(NamedTuple):
    """A value in a text."""

    start: int
    end: int
    kind: str
    score: float
    by_place: bool = False
    """Whether a person's name is told by its place alone."""


_ANNOUNCED_KINDS = frozenset(
    ["AGE", "BANK_ACCOUNT", "DATE_OF_BIRTH", "ID_NUMBER", "MAC_ADDRESS", "STREET_ADDRESS"]
)
_ANNOUNCED = tuple(one for one in PATTERNS if one.kind in _ANNOUNCED_KINDS and not one.loose)
_MAIL = regex.compile(EMAIL_ADDRESS)
_TOP_LISTED = """
com org net edu gov mil int info biz name pro dev app cloud tech online site shop blog ai io co me
tv eu de at ch fr es it pt nl be lu uk ie dk se no fi is pl cz sk hu ro bg gr hr si rs ua ru tr il
in cn jp kr tw hk sg my th vn id ph au nz us ca mx br ar cl pe za ng ke eg ma example test local
"""
_TOP = _TOP_LISTED.split()
_TOPS = "|".join(sorted(_TOP, key=len, reverse=True))
_AT = r"(?:[\[({<][ ]?(?:at|@|arroba|chez)[ ]?[\])}>]|[ ]at[ ])"
_DOT = r"(?:[\[({<][ ]?(?:dot|punkt|point|punto|\.)[ ]?[\])}>]|[ ]dot[ ]|\.)"
_SPELT_MAIL = regex.compile(
    rf"(?<![\w.+\-])[\w.+\-]{{1,64}}[ ]{{0,2}}{_AT}[ ]{{0,2}}[\w\-]{{1,63}}"
    rf"(?:[ ]{{0,2}}{_DOT}[ ]{{0,2}}[\w\-]{{1,63}}){{0,3}}"
    rf"[ ]{{0,2}}{_DOT}[ ]{{0,2}}(?:{_TOPS})(?!\w)",
    regex.IGNORECASE,
)
_SPELT_GATE = regex.compile(r"[\[({<][ ]?(?:at|@|arroba|chez)|[ ]at[ ]", regex.IGNORECASE)
_CARD = regex.compile(r"(?<![\p{L}\d])(?<!\d[.,\-])\d(?:[ \-]?\d){11,18}(?![\p{L}\d])(?![.,\-]\d)")
_CARD_CUE = regex.compile(
    r"\b(?:credit|debit|visa|master ?card|amex|kreditkarte|carte|tarjeta|cc|cards?)\b[^\n]{0,30}$",
    regex.IGNORECASE,
)
_CARD_END = regex.compile(
    r"\bcard\b(?:[ ](?:number|num|no\.?|nr\.?|#|is|ending(?:[ ]in)?|ends[ ](?:in|with)|with)){1,3}"
    r"[ :#]{1,3}\K\d{4}\b",
    regex.IGNORECASE,
)
_CARD_ISSUERS = regex.compile(r"[3-6]|2(?:2[2-9]|[3-6]|7[01]|720)")
_IBAN = regex.compile(r"(?<![\p{L}\d])[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]){11,30}", regex.IGNORECASE)
_SSN = regex.compile(
    r"(?<![\p{L}\d])(?<!\d[.\-/])(?!000|666|9[0-9]{2}(?![\- ][5-9]))\d{3}([\- ])(?!00)\d{2}\1"
    r"(?!0000)\d{4}(?![\p{L}\d])(?![.\-/]\d)"
)
_COIN = regex.compile(
    r"(?<![\p{L}\d])(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[a-z0-9]{11,71})(?![\p{L}\d])"
)
_ETHER = regex.compile(r"(?<![\p{L}\d])0x[0-9a-fA-F]{40}(?![\p{L}\d])")
_PAGE = regex.compile(
    r"\b(?:https?|ftp)://[^\s<>\"')\]]{3,2000}|\bwww\.[\w\-]{1,63}\.[^\s<>\"')\]]{2,500}"
    rf"|(?<![\w@.\-/])(?:[a-z0-9\-]{{1,63}}\.){{1,4}}(?:{_TOPS})(?![\w\-]|\.\w)(?:/[^\s<>\"')\]]{{0,500}})?",
    regex.IGNORECASE,
)
_DIGITS = regex.compile(r"\d")
_PAGE_GATE = regex.compile(r"://|\p{L}\.\p{L}")


def structured(text: str) -> Iterator[FoundValue]:
    """List what shows itself by its form, in no order; what is found may overlap."""
    if "@" in text:
        yield from (
            FoundValue(*match.span(), "EMAIL_ADDRESS", 0.95) for match in _MAIL.finditer(text)
        )
    if _SPELT_GATE.search(text):
        yield from _spelt_mail(text)
    if _PAGE_GATE.search(text):
        for match in _PAGE.finditer(text):
            yield FoundValue(
                match.start(), match.start() + len(match[0].rstrip(".,;:!?*`|")), "URL", 0.6
            )
    yield from (FoundValue(start, end, "SECRET", 0.9) for start, end in credentials(text))
    if _DIGITS.search(text):
        yield from _numbers(text)
        yield from _announced(text)
    if ":" in text or "." in text:
        yield from (FoundValue(start, end, "IP_ADDRESS", 0.9) for start, end in ip_addresses(text))


def _announced(text: str) -> Iterator[FoundValue]:
    """List what a word announces, or the form of an address; all of it has digits."""
    for one in _ANNOUNCED:
        for match in one.pattern.finditer(text):
            yield FoundValue(*match.span(), one.kind, one.score)


def _spelt_mail(text: str) -> Iterator[FoundValue]:
    """List mail addresses in words: in brackets, or with both "at" and "dot"."""
    for match in _SPELT_MAIL.finditer(text):
        words = match[0].lower().split()
        if any(sign in match[0] for sign in "[({<") or ("at" in words and "dot" in words):
            yield FoundValue(*match.span(), "EMAIL_ADDRESS", 0.9)


def _numbers(text: str) -> Iterator[FoundValue]:
    yield from _cards(text)
    yield from _accounts(text)
    for match in _SSN.finditer(text):
        yield FoundValue(*match.span(), "US_SSN", 0.85)
    for one in NATIONAL_IDS:
        for match in one.pattern.finditer(text):
            before = max(0, match.start() - CUE_CHARACTERS), match.start()
            code = regex.sub(r"[ .\-]", "", match[0]).upper()
            if (one.cue is None or one.cue.search(text, *before)) and one.valid(code):
                yield FoundValue(*match.span(), "ID_NUMBER", 0.85)
    for start, end in phones(text):
        yield FoundValue(start, end, "PHONE_NUMBER", 0.75)
    for match in _COIN.finditer(text):
        if (bech32 if match[0].startswith("bc1") else base58check)(match[0]):
            yield FoundValue(*match.span(), "CRYPTO", 0.95)
    for match in _ETHER.finditer(text):
        yield FoundValue(*match.span(), "CRYPTO", 0.8)


def _cards(text: str) -> Iterator[FoundValue]:
    """List card numbers: an issuer's digits and the check digit, or a word that says card."""
    for match in _CARD.finditer(text):
        digits = digits_of(match[0])
        checked = len(digits) >= 13 and _CARD_ISSUERS.match(digits) and luhn(digits)
        if checked or _CARD_CUE.search(text, max(0, match.start() - CUE_CHARACTERS), match.start()):
            yield FoundValue(*match.span(), "CREDIT_CARD", 0.95 if checked else 0.6)
    for match in _CARD_END.finditer(text):
        yield FoundValue(*match.span(), "CREDIT_CARD", 0.6)


def _accounts(text: str) -> Iterator[FoundValue]:
    """List account numbers of ISO 13616; what follows one in the same run is no part of it."""
    for match in _IBAN.finditer(text):
        account, ends = "", []
        for at, character in enumerate(match[0], 1):
            if character.isalnum():
                account += character.upper()
                ends.append(at)
        for length in range(15, min(len(account), 34) + 1):
            end = match.start() + ends[length - 1]
            if iban(account[:length]) and not text[end : end + 1].isalnum():
                yield FoundValue(match.start(), end, "IBAN_CODE", 0.95)
