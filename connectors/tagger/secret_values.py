r"""Credentials: keys, tokens and passwords, which nobody should have written down.

Most tokens begin with what their maker has them begin with. A password is known by what stands
before it alone, so what follows must not be the word of a sentence or of a manual ("Password:
required"). Every quantifier has a bound.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

KEY_BLOCK_CHARACTERS_MAX = 9_000
TOKENS = (
    # cloud providers
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}",
    r"AIza[\w\-]{35}",
    r"ya29\.[\w\-]{20,500}",
    r"GOCSPX-[\w\-]{28}",
    r"dop_v1_[a-f0-9]{64}",
    # code hosts and package registries
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_\w{22,255}",
    r"gl(?:pat|dt|rt|ptt|cbt|soat)-[\w\-.]{20,300}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[\w\-]{50,300}",
    # chat and mail
    r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,250}",
    r"xapp-\d-[A-Za-z0-9\-]{10,250}",
    r"SG\.[\w\-]{16,64}\.[\w\-]{16,64}",
    r"\d{8,10}:AA[\w\-]{33}",
    # providers of models
    r"sk-(?:proj-|svcacct-|admin-|ant-|or-|lf-)?[\w\-]{20,250}",
    r"hf_[A-Za-z0-9]{30,60}",
    r"gsk_[A-Za-z0-9]{40,80}",
    r"xai-[A-Za-z0-9]{40,120}",
    r"r8_[A-Za-z0-9]{37}",
    r"pplx-[A-Za-z0-9]{40,80}",
    # payment
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}",
    r"whsec_[A-Za-z0-9+/=]{24,100}",
    # signed tokens: three parts, the first two JSON
    r"eyJ[\w\-]{8,4000}\.eyJ[\w\-]{4,4000}\.[\w\-]{4,2000}",
)
_TOKEN = regex.compile(rf"(?<![\w\-/+])(?:{'|'.join(TOKENS)})(?![\w\-])")
_HOOK = regex.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)"
    r"/[\w/\-]{10,200}"
)
_KEY_BLOCK = regex.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rf"(?:(?s:.){{0,{KEY_BLOCK_CHARACTERS_MAX}}}?-----END (?:[A-Z0-9]{{1,12}} ){{0,3}}PRIVATE KEY"
    rf"(?: BLOCK)?-----|[A-Za-z0-9+/=\s:,\-\\]{{0,{KEY_BLOCK_CHARACTERS_MAX}}})"
)
_IN_ADDRESS = regex.compile(r"[a-z][a-z0-9+.\-]{1,20}://[^\s:/@]{0,64}:\K[^\s@/<>{}$]{1,128}(?=@)")
_HEADER = regex.compile(
    r"\b(?:authorization\b[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:bearer|basic|token)|bearer)\s{1,3}"
    r"\K[A-Za-z0-9_\-.~+/=]{12,2000}",
    regex.IGNORECASE,
)
_NAMED = regex.compile(
    r"(?:(?<![\p{L}\d])|(?<=_))"
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret(?:[ _\-]?(?:access[ _\-]?)?key)?"
    r"|(?:api|access|account|auth|private|encryption|signing)[ _\-]?(?:key|token|secret)"
    r"|(?:client|app|shared)[ _\-]?secret|token|credentials?|pin(?:[ \-]?code)?"
    r"|kennwort|passwort|zugangscode|mot de passe|contraseña|clave)"
    r"(?P<quote>[\"'`*]{0,3})\s{0,3}(?P<sign>:=|=>|[:=]|\b(?:is|ist|est|es|was|to)\b(?=\s))[*`]{0,2}"
    r"[ \t]{0,4}(?P<mark>[\"'`]?)(?P<value>[^\s\"'`]{4,200})(?P<after>[\"'`]?)",
    regex.IGNORECASE,
)
_PLACEHOLDER = regex.compile(
    r"<.*|\$.*|\{.*|%.*|\*+|x+|\.+|-+|_+|\[.*|\(.*|.*\(\)?.*|https?:.*|/[\w./\-]*"
    r"|(?:your|my|the|a|an|some|example|sample|dummy)[\W_].*|.*(?:password|secret|token)\W*",
    regex.IGNORECASE,
)
_NO_VALUES_LISTED = """
string text str bool boolean int integer number none null nil true false required optional hidden
yes no see below above default empty value field input here unknown missing invalid incorrect
wrong correct expired protected policy reset change changed forgotten forgot lost stored encrypted
hashed changing enter set unset undefined void bytes object array secretstring securestring char
varchar enabled disabled nothing something
"""
_NO_VALUES = frozenset(_NO_VALUES_LISTED.split())
_PUNCTUATION = ".,;:!?)]}>'\"*`"
_GATE = regex.compile(
    r"[A-Za-z0-9_\-/+=]{16}|://|pass|pwd|secret|token|\bpin\b|key|credential|kennwort|zugang|contrase|clave",
    regex.IGNORECASE,
)


def credentials(text: str) -> Iterator[tuple[int, int]]:
    """List where credentials stand, in no order; they may overlap."""
    if not _GATE.search(text):
        return
    for pattern in (_TOKEN, _HOOK, _KEY_BLOCK, _IN_ADDRESS, _HEADER):
        for match in pattern.finditer(text):
            yield match.span()
    for match in _NAMED.finditer(text):
        value = match["value"].rstrip(_PUNCTUATION)
        start = match.start("value")
        if _is_secret(value, text[start + len(value) :], match):
            yield start, start + len(value)


def _is_secret(value: str, rest: str, match: regex.Match[str]) -> bool:
    """Say whether what follows the word "password" is one, rather than a word about passwords."""
    if len(value) < 4 or value.lower() in _NO_VALUES or _PLACEHOLDER.fullmatch(value):
        return False
    if not value.isalpha():
        return any(character.isalnum() for character in value) and not _is_dotted(value)
    mixed = not (value.islower() or value.isupper() or value.istitle())
    if match["sign"] not in {":", "=", ":=", "=>"}:
        return mixed
    quoted = bool(match["mark"] and match["after"])
    line = rest.lstrip(_PUNCTUATION).split("\n", 1)[0][:2]
    return mixed or quoted or not line.strip()


def _is_dotted(value: str) -> bool:
    """Say whether a value is an expression of code, such as `settings.password_file`."""
    parts = value.split(".")
    return len(parts) > 1 and all(part.replace("_", "").isalpha() for part in parts)
