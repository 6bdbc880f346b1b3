r"""Patterns of personal data that Presidio's recognisers lack.

Each has a kind, a confidence and a pattern; what counts begins at `\K`, so that a cue before it
("lives at", "passport no.") stays readable. All quantifiers are bounded: a text can be hostile.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex


@dataclass(frozen=True)
class Pattern:
    """A kind of personal data that a pattern finds."""

    kind: str
    score: float
    """0 to 1: how sure a match makes, as Presidio counts it."""
    pattern: regex.Pattern[str]
    loose: bool = False
    """Whether it finds more than it should, and is for those who have nothing better."""


def _pattern(
    kind: str, score: float, *lines: str, cased: bool = False, loose: bool = False
) -> Pattern:
    flags = 0 if cased else regex.IGNORECASE
    return Pattern(kind, score, regex.compile("".join(lines), flags), loose)


_WORD = r"\p{L}[\p{L}'’.\-]{0,30}"
_CAPITALISED = r"\p{Lu}[\p{L}'’\-]{0,30}\.?"
_PARTICLE = r"(?:(?:van|von|de|der|den|di|da|del|bin|al|la|le)[ \t]+)"
_NAME = rf"{_CAPITALISED}(?:[ \t]+{_PARTICLE}{{0,2}}{_CAPITALISED}){{0,3}}"

_DAY = (
    r"(?:\d{1,4}[./\-]\d{1,2}[./\-]\d{2,4}"
    r"|\d{1,2}(?:st|nd|rd|th)?\.?\s(?:of\s)?\p{L}{3,9}\.?,?\s\d{4}"
    r"|\p{L}{3,9}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4})"
)

_STREET = (  # what follows the name of a street
    r"(?:street|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|way|court|ct|place|pl|"
    r"square|sq|terrace|crescent|cres|close|parkway|pkwy|highway|hwy|alley|circle|cir|trail|grove|"
    r"mews|row|walk|quay|gardens?|greens?|loop|pike|plaza|heights|hill|ridge|run|pass|bend|path|"
    r"view|point|crossing|expressway|turnpike)"
)
_STREET_ENDING = (  # what ends the name of a street
    r"(?:stra(?:ß|ss)e|str\.|weg|gasse|allee|platz|damm|ufer|straat|laan|plein|kade|dijk|gracht|"
    r"gade|vej|vegen|veien|gata|gatan|väg|vägen|stræde|stræti|katu|tie|kuja|polku|utca|tér|braut|"
    r"vænget|toften|bakken|stien|marken)"
)
_STREET_BEGINNING = (  # what the name of a street begins with
    r"(?:rue|avenue|boulevard|chemin|place|impasse|allée|quai|via|viale|vicolo|corso|piazza|largo|"
    r"strada|calle|avenida|av\.|avda\.?|plaza|paseo|carrera|camino|carretera|rua|travessa|praça|"
    r"estrada|ulica|ul\.|aleja|al\.|os\.|ulitsa|ул\.|улица|prospekt|rruga|bulevardul)"
)
_HOUSE = r"\d{1,6}\p{L}?"
_UNIT = (
    r"(?:[,\s]{1,4}(?:apt|apartment|suite|ste|unit|flat|floor|room|box)\.?[ \t]*#?\d{1,6}\p{L}?)"
)
_REST = (  # town, state, post code, country, as far as commas or lines part them
    rf"{_UNIT}{{0,3}}"
    r"(?:\s{0,3},\s{0,2}(?-i:\p{Lu}[\p{L}'’.\-]{1,30}(?:[ ]\p{Lu}[\p{L}'’.\-]{1,30}){0,2})"
    r"(?=\s{0,3}[,\n]|[ ](?-i:[A-Z]{0,2})\d|\s*$|\.))?"
    r"(?:\s{0,3},\s{0,2}(?-i:\p{Lu}{2})\b)?"
    r"(?:,?[ ](?-i:[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2})\b"
    r"|,?[ ](?-i:[A-Z]{0,2})-?\d{4,6}(?:-\d{3,4})?\b"
    r"(?:[ ](?-i:\p{Lu}\p{L}{2,30})(?=[ ]?[,.;\n]|$))?)?"
)

_ADDRESSED = (  # whom letters address that is nobody's name
    r"(?i:team|all|support|sirs?|madam|customers?|colleagues?|everyone|everybody|friends?|folks|"
    r"hiring|managers?|committee|editors?|readers?|users?|members?|students?|guests?|support|staff|"
    r"partners?|neighbou?rs?|parents?|ladies|god|lord|santa|diary|community|colleague|valued)"
)

PATTERNS = (
    _pattern(
        "STREET_ADDRESS",
        0.7,
        rf"\b{_HOUSE}(?:[ \t]+{_HOUSE})?[ \t]+",
        rf"(?:(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th))[ \t]+){{1,4}}?",
        rf"{_STREET}\b\.?{_REST}",
        loose=True,
    ),
    _pattern(
        "STREET_ADDRESS",
        0.7,
        rf"(?<!\p{{L}})(?:{_HOUSE}[ \t]+)?(?:{_WORD}[ \t]+)??\p{{L}}{{2,30}}{_STREET_ENDING}",
        rf"[ \t]+{_HOUSE}\b{_REST}",
    ),
    _pattern(
        "STREET_ADDRESS",
        0.7,
        rf"(?<!\p{{L}})(?:{_HOUSE}(?:[ \t]?bis)?,?[ \t]+)?{_STREET_BEGINNING}[ \t]+",
        rf"(?:{_WORD}[ \t]+){{0,4}}?{_WORD},?[ \t]+{_HOUSE}\b{_REST}",
    ),
    _pattern(
        "STREET_ADDRESS",
        0.7,
        rf"\b{_HOUSE}(?:[ \t]?bis)?,?[ \t]+{_STREET_BEGINNING}[ \t]+",
        rf"(?:(?:de|du|des|la|le|della|di)[ \t]+){{0,2}}{_WORD}{_REST}",
    ),
    # two numbers around a name: the form that addresses of many languages share
    _pattern(
        "STREET_ADDRESS",
        0.6,
        rf"(?<![\p{{L}}\d.,])\d{{2,6}}[ \t]+(?:{_HOUSE}[ \t]+)?",
        rf"(?-i:\p{{Lu}}[\p{{L}}'’.\-]{{1,30}})(?:[ \t]+{_WORD}){{0,3}}",
        rf"[ \t]+\d{{1,5}}\p{{L}}?(?:{_UNIT}{_REST}|(?=\s{{0,3}}[,\n]))",
        loose=True,
    ),
    # what is announced as an address: a number, a name, and what follows up to the last number
    _pattern(
        "STREET_ADDRESS",
        0.6,
        r"\b(?:(?:lives?|living|lived|resid(?:es?|ing)|located|office[ ]is|meet[ ]me|it['’]?s)",
        r"[ ](?:at|in)|(?:moved|ship(?:ped)?|deliver(?:ed)?|return|sent)[ ]to)[ \t]{1,3}\K",
        r"(?:the[ ]corner[ ]of[ ])?\d{1,6}[ ]",
        r"(?:[^\d;?!]{0,10}(?-i:\p{Lu})[^\d;?!]{2,40}\d{1,6}\p{L}?\b){1,4}",
        loose=True,
    ),
    _pattern(
        "STREET_ADDRESS",
        0.6,
        r"\b(?:address(?:[ ]is|[ ]to)?:?|adresse:?|anschrift:?)\s{1,4}\K",
        r"(?:the[ ]corner[ ]of[ ])?\d{1,6}[ ][^\n;?!]{4,60}",
        r"(?:\n\s{0,4}[^\d\n;?!]{1,30}(?=[,\n])){0,3}(?:[,\s]{1,4}[^\n;?!,]{0,30}\d{4,6}\b)?",
        loose=True,
    ),
    _pattern(
        "STREET_ADDRESS",
        0.8,
        r"\bP\.?[ ]?O\.?[ ]Box[ ]\d{1,7}\b|\bPostfach[ ]\d{1,7}\b",
        r"|\b(?:PSC|Unit|CMR)[ ]\d{1,5},?[ ]Box[ ]\d{1,5}(?:\s{1,3}[ADF]PO,?[ ]A[AEP][ ]\d{5}\b)?",
        r"|\b(?:USNS|USNV|USS|USCGC)[ ]\p{L}{2,20}\s{1,3}[ADF]PO,?[ ]A[AEP][ ]\d{5}\b",
    ),
    _pattern("STREET_ADDRESS", 0.5, r"\b(?:apt|apartment|suite)\.?[ ]#?\d{1,5}\p{L}?\b"),
    _pattern(
        "STREET_ADDRESS",
        0.5,
        r"\b(?:zip(?:[ ]?code)?|post(?:al)?[ ]?code|plz)\b[^\d\n]{0,12}\K",
        r"(?=[A-Z]{0,4}\d)[A-Z0-9]{2,5}(?:[ \-][A-Z0-9]{2,4})?\b",
    ),
    _pattern(
        "DATE_OF_BIRTH",
        0.9,
        r"\b(?:born(?:[ ]on)?|d\.?o\.?b\.?|date[ ]of[ ]birth|birth[ ]?da(?:te|y)|geboren(?:[ ]am)?",
        rf"|née?[ ]le|nacid[oa][ ]el)(?:[ ](?:is|was))?[^\d\n]{{0,20}}?\K{_DAY}",
    ),
    _pattern(
        "AGE",
        0.8,
        r"\b\d{1,3}(?=[ \-](?:years?|yrs?)[ \-]old\b|[ ]?y/?o\b)",
        r"|\b(?:aged?(?:[ ]of)?|age:|turned|turning|i['’]m|i[ ]am)[ ]\K",
        r"\d{1,3}\b(?![ ]?[%\p{L}]|[.,]\d)",
    ),
    _pattern(
        "PERSON",
        0.8,
        r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Herr|Frau|Mme|Señora?|Dear)\b\.?[ ]",
        rf"(?!{_ADDRESSED}\b)\K{_NAME}",
        cased=True,
    ),
    _pattern(
        "PERSON",
        0.8,
        rf"\b(?i:call[ ]me)[ ]\K{_NAME}",
        r"|\b(?i:my[ ]name(?:[ ]is|['’]s)|(?:am|was|is)[ ]called|ich[ ]heiße",
        r"|mein[ ]name[ ]ist|je[ ]m['’]appelle|me[ ]llamo|mi[ ]nombre[ ]es)[ ]",
        rf"\K(?:{_NAME}|(?!(?:a|an|the|not)\b){_WORD})",
        cased=True,
    ),
    # who speaks, or who signs
    _pattern(
        "PERSON",
        0.6,
        rf"(?m)^>?[ ]{{0,3}}\K{_CAPITALISED}(?=:[ ]\p{{Lu}}[\p{{L}}'’]*[ ]\p{{Ll}})",
        rf"|(?:(?:regards|sincerely|cheers|thanks),[ ]?\n)\K{_NAME}$",
        cased=True,
    ),
    _pattern(
        "US_SSN",
        0.85,
        r"(?<![\d\-])(?!000|666|9)\d{3}[\- ](?!00)\d{2}[\- ](?!0000)\d{4}(?![\d\-])",
    ),
    _pattern("CREDIT_CARD", 0.5, r"(?<![\d\-.])(?:[3-6]|2[2-7])\d(?:[ \-]?\d){11,17}(?![\d\-])"),
    _pattern(
        "CREDIT_CARD",
        0.6,
        r"\bcard\b(?:[ ](?:number|num|no\.?|nr\.?|#|is|ending(?:[ ]in)?)){0,2}[ :#]{1,3}",
        r"\K\d(?:[ \-]?\d){3,18}\b",
    ),
    _pattern(
        "ID_NUMBER",
        0.7,
        r"\b(?:passport|driv(?:er'?s?|ing)[ ]licen[cs]e|national[ ]id|id(?:entity)?[ ]card|ssn",
        r"|social[ ]security|tax[ ]id|tin|nino|nhs|medical[ ]record|mrn|member[ ]id|employee[ ]id",
        r"|customer[ ]id|reisepass(?:nummer)?|personalausweis(?:nummer)?|steuer-?id)",
        r"(?:[ ](?:number|no\.?|nr\.?|num|#|id)){0,2}(?:[ ]is)?[ \t:#]{0,3}",
        r"\K(?=[A-Z\-]{0,10}\d)[A-Z0-9][A-Z0-9\-]{4,19}\b",
    ),
    _pattern(
        "ID_NUMBER",
        0.6,
        r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ ]?\d{2}[ ]?\d{2}[ ]?\d{2}[ ]?[A-D]\b",
        cased=True,
    ),
    _pattern(
        "BANK_ACCOUNT",
        0.7,
        r"\b(?:account|acct|routing|konto(?:nummer)?)(?:[ ](?:number|no\.?|nr\.?|#)){0,2}",
        r"(?:[ ]is)?[ \t:#]{0,3}\K\d{6,17}\b",
    ),
    _pattern("MAC_ADDRESS", 0.8, r"\b[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}\b"),
    _pattern("URL", 0.6, r"\b(?:https?|ftp)://[^\s<>\"')\]]{3,2000}"),
    _pattern(
        "PHONE_NUMBER",
        0.6,
        r"(?<![\w.+])(?:\+|00)[1-9]\d{0,2}[ .\-]?(?:\(0?\d{1,4}\)[ .\-]?)?\d(?:[ .\-]?\d){5,12}",
        r"(?:[ ]?x\d{1,5})?(?!\w)",
    ),
    _pattern(
        "PHONE_NUMBER",
        0.6,
        r"(?<![\w.+])\(?\d{3}\)?[ .\-]?\d{3}[.\-]\d{4}(?:[ ]?x\d{1,5})?(?!\w)",
        r"|(?<![\w.\-])\d{2}(?:[.\-]\d{2}){3,4}(?![\w.\-])",
    ),
    _pattern(
        "PHONE_NUMBER",
        0.6,
        r"\b(?:phone|tel|telephone|mobile|cell|call|fax|number|reach[ ]me[ ]at|messages?[ ]to)",
        r"\b[^\d\n+(]{0,25}\K[+(]?\d[\d ().\-]{5,18}\d(?:[ ]?x\d{1,5})?(?!\w)",
        r"|(?<!\w)[+(]?\d[\d ().\-]{5,18}\d(?=[ ](?:office|mobile|cell|fax|home|work)\b)",
    ),
)
