"""Checksums: whether digits may be a card, a bank account, a coin address or a person's number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_ENDS = (1, 0x2BC830A3)
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Characters of an account number by country (the registry of ISO 13616)."""


def digits_of(text: str) -> str:
    """Return the digits of a text, those of other scripts and widths as 0 to 9."""
    if text.isascii():
        return "".join(one for one in text if one in "0123456789")
    return "".join(str(int(one)) for one in text if one.isdecimal())


def luhn(digits: str) -> bool:
    """Say whether the last digit checks the others (ISO/IEC 7812)."""
    total = 0
    for at, one in enumerate(reversed(digits)):
        value = int(one) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    """Say whether the last digit checks the others by Verhoeff's scheme."""
    check = 0
    for at, one in enumerate(reversed(digits)):
        check = int(_DIHEDRAL[check][int(_PERMUTATION[at % 8][int(one)])])
    return check == 0


def weighed(digits: Iterable[str], weights: Iterable[int]) -> int:
    """Return the sum of digits times weights."""
    return sum(int(one) * weight for one, weight in zip(digits, weights, strict=False))


def iso7064_11_10(digits: str) -> bool:
    """Say whether the last digit checks the others (ISO/IEC 7064, MOD 11,10)."""
    product = 10
    for one in digits[:-1]:
        total = (int(one) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def iban(account: str) -> bool:
    """Say whether an account number (no spaces, capitals) is one: length by country, MOD 97."""
    if not account.isascii() or len(account) != IBAN_LENGTHS.get(account[:2]):
        return False
    return int("".join(str(int(one, 36)) for one in account[4:] + account[:4])) % 97 == 1


def base58check(address: str) -> bool:
    """Say whether a coin address of 25 bytes ends in the digest of the rest."""
    value = 0
    for one in address:
        value = value * 58 + _BASE58.index(one)
    if value >> 200:
        return False
    data = value.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(address: str) -> bool:
    """Say whether a coin address of small letters ends in its checksum (BIP 173, BIP 350)."""
    prefix, _, data = address.rpartition("1")
    if not set(data) <= set(_BECH32):
        return False
    values = [
        *(ord(one) >> 5 for one in prefix), 0, *(ord(one) & 31 for one in prefix),
        *map(_BECH32.index, data),
    ]  # fmt: skip
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH32_ENDS
