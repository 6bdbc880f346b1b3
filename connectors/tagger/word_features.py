"""Words: what a text is cut into for the tagger, and what it looks at in each.

Every feature belongs to one word and says at what distance from the judged word it stands. So all
that a word adds to the scores of its neighbours is known once the word is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import regex

TOKEN = regex.compile(
    r"\n|\p{Han}|\p{Hiragana}+|[\p{Katakana}ー・]+"
    r"|[[\p{L}\p{M}]--[\p{Han}\p{Hiragana}\p{Katakana}]]+|\d+|[^\w\s]|_",
    regex.V1,
)
"""A line end, a word, a number or a sign; scripts without spaces by characters."""
EDGE = "<edge>"
"""Stands before and after a text; no text has it, since `<` is a word by itself."""
OFFSETS = (0, -1, 1, -2, 2)
WORD_CHARACTERS_MAX = 64
"""Of a longer word no more is looked at."""

Features = tuple[tuple[str, ...], ...]
"""Of a word: those for the word itself, for its neighbours, and for the neighbours of these."""


class KnownWords(Protocol):
    """What is known of words."""

    def flags(self, word: str) -> tuple[str, ...]:
        """Return what a word in small letters may be: first, last, city, country."""

    def cluster(self, word: str) -> tuple[int, int, int] | None:
        """Return the clusters of words of its kind: coarse, middle, fine."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


LISTS: Mapping[str, frozenset[str]] = {
    "month": _words(
        "january february march april may june july august september october november december jan "
        "feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday "
        "saturday sunday mon tue wed thu fri sat sun januar februar märz mai juni juli oktober "
        "dezember janvier février mars avril juin juillet août septembre octobre novembre décembre "
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ),
    "street": _words(
        "street st road rd avenue ave lane ln drive dr court ct way place pl square sq blvd "
        "boulevard highway hwy terrace close gardens crescent parkway pkwy alley trail grove mews "
        "row quay loop pike plaza heights hill ridge strasse straße str gasse weg platz allee rue "
        "chemin impasse quai via viale vicolo corso piazza largo calle avenida avda paseo carrera "
        "camino rua travessa praça estrada utca út tér ulica ul aleja gatan vägen gade vej tie "
        "katu laan straat plein kade gracht corner junction"
    ),
    "unit": _words(
        "suite ste apt apartment unit floor flat room box psc apo fpo dpo po postfach building "
        "block zip postcode plz cedex"
    ),
    "company": _words(
        "inc ltd llc llp gmbh ag kg plc corp corporation company co group bank university "
        "institute foundation association club orchestra partners holdings sons limited sa sarl "
        "srl spa bv nv oy ab as aps council committee party league fc united airlines records "
        "college school church museum agency ministry department insurance hospital society union "
        "federation press studios motors systems technologies media academy court commission"
    ),
    "title": _words(
        "mr mrs ms miss mx dr prof professor sir madam dame lord lady captain colonel general "
        "sergeant judge senator president king queen prince princess saint father sister herr frau "
        "monsieur madame mme mlle señor señora sr sra don doña"
    ),
    "people": _words(
        "american argentine australian austrian belgian brazilian british bulgarian canadian "
        "chilean chinese colombian croatian cuban czech danish dutch egyptian english ethiopian "
        "filipino finnish french german ghanaian greek hungarian icelandic indian indonesian "
        "iranian iraqi irish israeli italian jamaican japanese kenyan korean latvian lebanese "
        "lithuanian malaysian mexican moroccan nepalese nigerian norwegian pakistani peruvian "
        "polish portuguese romanian russian saudi scottish serbian slovak slovenian spanish "
        "swedish swiss syrian thai turkish ukrainian vietnamese welsh muslim christian jewish "
        "hindu catholic buddhist sunni shia kurdish arab african asian european protestant "
        "estonian bosnian albanian afghan bangladeshi tunisian algerian libyan somali sudanese "
        "roman tibetan mongolian armenian georgian kazakh uzbek basque catalan"
    ),
    "product": _words(
        "ansible apache android aws azure bash cassandra chrome confluence databricks debian "
        "django docker dynamodb ec2 elasticsearch excel faust fedora firefox flask git github "
        "gitlab golang google grafana graphql gradle hadoop haskell helm hive iam ios jboss "
        "java javascript jenkins jira json kafka keycloak kibana kotlin kubernetes lambda "
        "linux lucene macos mariadb maven mongodb mysql nagios nginx node numpy openssl "
        "oracle outlook pandas perl php postgres postgresql powershell prometheus python "
        "pytorch rabbitmq redis redshift ruby rust s3 salesforce sap scala selenium "
        "sharepoint slack snowflake solr spark splunk spring sql sqlite swift teams "
        "tensorflow terraform tomcat triton typescript ubuntu unix vault vim vmware weaviate "
        "windows word xml yaml zookeeper"
    ),
}
"""Short lists of our own; the long ones are in the lexicon."""
STREET_ENDINGS = (
    "strasse", "straße", "gasse", "weg", "platz", "utca", "gatan", "vägen", "gade", "vej", "katu",
    "tie", "laan", "straat", "veien", "gata", "stien",
)  # fmt: skip
_PEOPLE_ENDINGS = ("s", "men", "man", "women", "woman")


def features(word: str, lexicon: KnownWords) -> Features:
    """Return a word's features, for offsets 0, one and two."""
    if word in {EDGE, "\n"}:
        return (("edge" if word == EDGE else "line end",),) * 3
    word = word[:WORD_CHARACTERS_MAX]
    small = word.lower()
    spelling, shape = _spelling(word, small), f"shape={_shape(word)}"
    case = "C" if word[0].isupper() else "c"
    named = lexicon.flags(small)
    known = (*named, *_listed(small), *_number(word))
    itself = [spelling, shape, f"case={case}", *known, *(f"{one}|{case}" for one in known)]
    if not named:
        itself.append(f"unlisted|{case}")
    beside, beyond = [spelling, shape, *known], [spelling, shape, *known]
    if word.isalpha():
        itself += _affixes(small)
        if len(small) > 3:
            beside.append(f"end3={small[-3:]}")
        _add_clusters(lexicon.cluster(word), case, (itself, beside, beyond))
    if not word.isascii():
        itself.append("accents")
        beside.append("accents")
    return tuple(itself), tuple(beside), tuple(beyond)


def _spelling(word: str, small: str) -> str:
    return f"digits={len(word)}" if word.isdigit() and len(word) > 2 else f"word={small}"


def _shape(word: str) -> str:
    """Spell capitals, small letters and digits each by one sign, runs of them by two."""
    shape = ""
    for character in word:
        sign = (
            "X" if character.isupper() else "d" if character.isdigit()
            else "x" if character.isalpha() else character
        )  # fmt: skip
        if not shape.endswith(sign * 2):
            shape += sign
    return shape


def _listed(small: str) -> list[str]:
    listed = [name for name, words in LISTS.items() if small in words]
    if "street" not in listed and len(small) > 6 and small.endswith(STREET_ENDINGS):
        listed.append("street")
    if "people" not in listed:
        for ending in _PEOPLE_ENDINGS:
            if small.endswith(ending) and small[: -len(ending)] in LISTS["people"]:
                listed.append("people")
                break
    return listed


def _number(word: str) -> list[str]:
    if not word.isdecimal() or not word.isascii():
        return []
    found = [f"long={min(len(word), 8)}"]
    if len(word) == 4 and "1850" <= word <= "2035":
        found.append("year")
    if len(word) <= 2 and word.strip("0"):
        found.append("age")
    return found


def _affixes(small: str) -> list[str]:
    return [
        one
        for length in (1, 2, 3, 4)
        if len(small) > length
        for one in (f"begin{length}={small[:length]}", f"end{length}={small[-length:]}")
    ]


def _add_clusters(
    clusters: tuple[int, int, int] | None, case: str, lists: tuple[list[str], ...]
) -> None:
    itself, beside, beyond = lists
    if clusters is None:
        itself.append(f"unclustered|{case}")
        beside.append("unclustered")
        return
    coarse, middle, fine = (f"{name}{at}" for name, at in zip("abc", clusters, strict=True))
    itself += [coarse, middle, fine, f"{middle}|{case}"]
    beside += [coarse, middle, fine]
    beyond += [coarse, middle]
