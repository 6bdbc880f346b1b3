r"""Numbers that states give to people, each with the form and the check that its state gives it.

Where form and check together let through more than one in some fifty numbers of that length, a word
that announces it must stand before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import regex

from connectors.tagger.checksums import (
    digits_of,
    iso7064_11_10,
    luhn,
    verhoeff,
    weighed,
)

_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FINNISH_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ITALIAN_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


@dataclass(frozen=True)
class NationalId:
    """A number that a state gives."""

    country: str
    pattern: regex.Pattern[str]
    valid: Callable[[str], bool]
    """Of the characters without spaces, dots and hyphens, in capitals."""
    cue: regex.Pattern[str] | None = None
    """What must stand before, if the number alone says too little."""


def _day(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]


def _british(code: str) -> bool:
    return code[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def _health(code: str) -> bool:
    check = 11 - weighed(code, range(10, 1, -1)) % 11
    return check % 11 == int(code[9]) and check != 10


def _german(code: str) -> bool:
    repeats = sorted(code[:10].count(one) for one in set(code[:10]))
    return code[0] != "0" and repeats[-1] in {2, 3} and repeats[-2] == 1 and iso7064_11_10(code)


def _french(code: str) -> bool:
    number = code[:13].replace("2A", "19").replace("2B", "18")
    month = int(code[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42) and 97 - int(number) % 97 == int(code[13:])


def _spanish(code: str) -> bool:
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == code[-1]


def _italian(code: str) -> bool:
    if not code.isascii():  # without case, a pattern takes some other letter for one of A to Z
        return False
    total = 0
    for at, one in enumerate(code[:15]):
        value = int(one) if one.isdigit() else ord(one) - ord("A")
        total += value if at % 2 else _ITALIAN_ODD[value]
    return chr(ord("A") + total % 26) == code[15]


def _dutch(code: str) -> bool:
    return weighed(code, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(code) > 0


def _belgian(code: str) -> bool:
    check, number = int(code[9:]), int(code[:9])
    return _day(int(code[4:6]), int(code[2:4])) and check in {
        97 - number % 97,
        97 - (2_000_000_000 + number) % 97,
    }


def _norwegian(code: str) -> bool:
    first = weighed(code, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighed(code, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    return first == 0 == second and _day(int(code[:2]) % 40, int(code[2:4]) % 40)


def _swedish(code: str) -> bool:
    code = code.replace("+", "")[-10:]
    return _day(int(code[4:6]) % 60, int(code[2:4])) and luhn(code)


def _finnish(code: str) -> bool:
    digits = digits_of(code[:6]) + code[-4:-1]
    return (
        digits.isdigit()
        and _day(int(code[:2]), int(code[2:4]))
        and _FINNISH_SIGNS[int(digits) % 31] == code[-1]
    )


def _polish(code: str) -> bool:
    return (
        _day(int(code[4:6]), int(code[2:4]) % 20)
        and weighed(code, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def _danish(code: str) -> bool:
    return _day(int(code[:2]), int(code[2:4]))


def _portuguese(code: str) -> bool:
    check = 11 - weighed(code, range(9, 1, -1)) % 11
    return (0 if check > 9 else check) == int(code[8])


def _swiss(code: str) -> bool:
    return (10 - weighed(code[:12], (1, 3) * 6) % 10) % 10 == int(code[12])


def _brazilian(code: str) -> bool:
    if len(set(code)) == 1:
        return False
    for length in (9, 10):
        check = weighed(code[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if check != int(code[length]):
            return False
    return True


def _indian(code: str) -> bool:
    return verhoeff(code)


def _canadian(code: str) -> bool:
    return luhn(code)


def _id(
    country: str, form: str, valid: Callable[[str], bool], cue: str | None = None, flags: int = 0
) -> NationalId:
    return NationalId(
        country,
        regex.compile(rf"(?<![\p{{L}}\d])(?<!\d[.\-/]){form}(?![\p{{L}}\d])(?![.\-/]\d)", flags),
        valid,
        regex.compile(rf"\b(?:{cue})", regex.IGNORECASE) if cue else None,
    )


CUE_CHARACTERS = 48
"""Before a number so much is searched for the word that announces it."""
_ANY_CASE = regex.IGNORECASE
NATIONAL_IDS = (
    _id("GB", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", _british),
    _id("GB", r"\d{3}[ \-]?\d{3}[ \-]?\d{4}", _health, r"nhs"),
    _id("DE", r"\d{2} \d{3} \d{3} \d{3}", _german),
    _id("DE", r"\d{11}", _german, r"steuer|idnr|id-?nr|tin\b|tax"),
    _id("FR", r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", _french),
    _id("ES", r"(?:\d{2}[. ]?\d{3}[. ]?\d{3}|[XYZ]-?\d{7})[ \-]?[A-Z]", _spanish),
    _id("ES", r"(?:\d{8}|[xyz]\d{7})[a-z]", _spanish, r"dni|nie\b|nif"),
    _id("IT", r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", _italian, flags=_ANY_CASE),
    _id(
        "NL",
        r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3}",
        _dutch,
        r"bsn|burgerservice|sofi",
    ),
    _id("BE", r"\d\d\.\d\d\.\d\d-\d{3}[.\-]\d\d", _belgian),
    _id("BE", r"\d{11}", _belgian),
    _id("NO", r"\d{6} ?\d{5}", _norwegian),
    _id("SE", r"(?:19|20)?\d{6}[\-+]\d{4}", _swedish),
    _id("SE", r"(?:19|20)?\d{10}", _swedish, r"person(?:nummer|nr)|samordning"),
    _id("FI", r"\d{6}[\-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _finnish),
    _id("PL", r"\d{11}", _polish),
    _id("DK", r"\d{6}-\d{4}", _danish),
    _id("DK", r"\d{10}", _danish, r"cpr|personnummer"),
    _id("PT", r"\d{3} ?\d{3} ?\d{3}", _portuguese, r"nif\b|contribuinte|fiscal"),
    _id("CH", r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}", _swiss),
    _id("BR", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _brazilian),
    _id("BR", r"\d{11}", _brazilian, r"cpf"),
    _id("IN", r"[2-9]\d{3}[ \-]\d{4}[ \-]\d{4}", _indian),
    _id("IN", r"[2-9]\d{11}", _indian, r"aadhaar|aadhar|uidai"),
    _id("CA", r"\d{3}[ \-]\d{3}[ \-]\d{3}", _canadian),
    _id("CA", r"\d{9}", _canadian, r"sin\b|social insurance|assurance sociale"),
)
