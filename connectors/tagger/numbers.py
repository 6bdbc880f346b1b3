r"""Telephone numbers and network addresses: digits that many other things look like.

A telephone number shows itself by its form (a country code, brackets, 3-3-4, a leading zero), or by
a word before it. Ranges, dates, versions and quantities have such forms, too, so what stands around
is looked at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import regex

from connectors.tagger.checksums import digits_of

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?|extension|durchwahl)[ ]?\d{1,6})?"
_SHAPED = regex.compile(
    r"(?<![\p{L}\d+])(?<!\d[.,\-/])(?:"
    # a country code
    r"(?:\+|\b00)[ ]?[1-9]\d{0,2}[ .\-/]?(?:\(0?\d{1,5}\)[ .\-/]?)?\d(?:[ .\-/]{0,2}\d){5,12}"
    # an area in brackets
    r"|\(0?\d{1,5}\)[ .\-/]{0,2}\d{2,5}(?:[ .\-/]\d{2,6}){0,3}"
    # America
    r"|(?:1[ .\-])?[2-9]\d{2}([ .\-])[2-9]\d{2}\1\d{4}"
    # a leading zero, groups
    r"|0\d{1,5}[ .\-/]{1,2}\d{2,9}(?:[ .\-/]\d{2,6}){0,4}"
    rf"){_EXTENSION}(?![\p{{L}}\d])(?![.,\-/:]\d)"
)
_ANNOUNCED = regex.compile(
    r"\b(?:phones?|tel(?:e(?:ph|f)on(?:nummer|e)?)?|t[eé]l[eé](?:ph|f)one?o?|mobiles?|cell(?:phone)?"
    r"|handy(?:nummer)?|call|ring|dial|fax|whatsapp|sms|text|reach|contact|hotline|desk|direct|messages?|numbers?|portable"
    r"|m[oó]vil|num[eé]ro|n[uú]mero|nummer|rufnummer)\b[^\d\n+(]{0,25}"
    rf"\K[+(]?\d(?:[ ().\-/]{{0,2}}\d){{6,14}}{_EXTENSION}(?![\p{{L}}\d])(?![.,\-/:]\d)"
    r"|(?<![\p{L}\d.,+])[+(]?\d(?:[ ().\-/]{0,2}\d){6,14}"
    r"(?=[ ](?:\(|- )?(?:office|mobile|cell|fax|home|work)\b)",
    regex.IGNORECASE,
)
_OTHER_NUMBER_BEFORE = regex.compile(
    r"(?:\b(?:order|invoice|ticket|serial|part|item|ref(?:erence)?|id|account|iban|version|release|"
    r"chapter|section|rfc|isbn|issn|doi|error|code|case|article|sku|model|port|batch|build|bestell|"
    r"rechnung|konto|artikel)s?(?:[ \-]?(?:number|num|no|nr|id))?\b[.:# ]{0,3}|[#$€£=]|\b[vr])$",
    regex.IGNORECASE,
)
UNIT_AFTER = regex.compile(
    r"[ ]?(?:dpi|ppi|rpm|[kmgt]?(?:hz|b|bit|bits|bytes?)|[kmgt]i?b|[mcdk]?m|km/h|mph|[km]?g|lbs?|ms"
    r"|[µn]s|s|sec|seconds?|min|minutes?|hours?|days?|weeks?|months?|years?|[mk]?[vwa]|bar|psi|°|%"
    r"|percent|pages?|pcs|units?|items?|rows?|records?|requests?|users?|times|points?|pixels?|px"
    r"|tokens?|chars?|characters?|lines?|euros?|dollars?|pounds?|usd|eur|gbp|[€$£])(?!\p{L})",
    regex.IGNORECASE,
)
"""What makes the number before it a quantity."""
_DATE = regex.compile(
    r"(?:(?:1[5-9]|20)\d\d([.\-/ ])[01]?\d\1[0-3]?\d"
    r"|[0-3]?\d([.\-/ ])[0-3]?\d\2(?:(?:1[5-9]|20)\d\d|\d\d))"
    r"(?:[ T]\d\d?)?"
)
_YEARS = regex.compile(r"(?:1[5-9]|20)\d\d(?:[ \-/]{1,3}(?:1[5-9]|20)\d\d)+")
_EXTENDED = regex.compile(r"[ ,]{0,2}[a-zA-Z]")
_DECIMAL = regex.compile(r"\d{1,4}\.\d{5,}")
_RANGE = regex.compile(r"(\d{2,6})-(\d{2,6})")
PHONE_DIGITS = range(7, 16)

_IPV4 = regex.compile(
    r"(?<![\p{L}\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"
    r"(?P<mask>/\d{1,2})?(?![\p{L}\d])(?!\.\d)"
)
_IPV6 = regex.compile(r"(?<![\p{L}\d:.])[0-9a-fA-F:]{3,39}(?:%\w{1,16})?(?![\p{L}\d:])")
_VERSION_BEFORE = regex.compile(
    r"\b(?:v|ver|versions?|release|build|firmware|chapter|section|figure|table|clause|abschnitt"
    r"|kapitel|oid)\.?[ :]{0,2}$",
    regex.IGNORECASE,
)
_ASSIGNED = tuple(map(ipaddress.ip_network, ("2000::/3", "fc00::/7", "fe80::/10", "64:ff9b::/96")))
"""Where addresses of machines lie; `a::b` and `std::` lie elsewhere."""
BEFORE = 24
"""Characters before a number that are looked at."""


def phones(text: str) -> Iterator[tuple[int, int]]:
    """List where telephone numbers stand; they may overlap."""
    for pattern in (_SHAPED, _ANNOUNCED):
        for match in pattern.finditer(text):
            start, end = match.span()
            announced = pattern is _ANNOUNCED
            if may_be_phone(text, start, end, announced=announced) and (
                announced or not _OTHER_NUMBER_BEFORE.search(text, max(0, start - BEFORE), start)
            ):
                yield start, end


def may_be_phone(text: str, start: int, end: int, *, announced: bool = False) -> bool:
    """Say whether digits are no date, quantity or, unless they are announced, range of numbers."""
    number = _EXTENDED.split(text[start:end])[0]
    if len(digits_of(number)) not in PHONE_DIGITS or len(number) > 40:
        return False
    if (
        _DECIMAL.fullmatch(number)
        or _DATE.fullmatch(number)
        or _YEARS.fullmatch(number)
        or UNIT_AFTER.match(text, end)
    ):
        return False
    spread = _RANGE.fullmatch(number)
    return announced or not spread or len(spread[1]) != len(spread[2]) or spread[1][0] == "0"


def ip_addresses(text: str) -> Iterator[tuple[int, int]]:
    """List where addresses of machines stand: no networks, versions, or names of programs."""
    for match in _IPV4.finditer(text):
        address, mask = match[0].removesuffix(match["mask"] or ""), match["mask"]
        if not _VERSION_BEFORE.search(text, max(0, match.start() - BEFORE), match.start()) and (
            _is_machine(address, mask)
        ):
            yield match.start(), match.start() + len(address)
    for match in _IPV6.finditer(text):
        written = match[0].split("%")[0].rstrip(":") if not match[0].endswith("::") else match[0]
        if written.count(":") >= 2 and _is_assigned(written):
            yield match.start(), match.start() + len(written)


def _is_machine(address: str, mask: str | None) -> bool:
    value = ipaddress.IPv4Address(".".join(str(int(part)) for part in address.split(".")))
    if value.is_unspecified or value.is_loopback or value.packed[0] in {0, 255}:
        return False
    if mask and int(mask[1:]) < 32:
        return bool(int(value) & (2 ** (32 - int(mask[1:])) - 1))
    return True


def _is_assigned(written: str) -> bool:
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    whole = "::" not in written
    return whole or any(address in network for network in _ASSIGNED)
