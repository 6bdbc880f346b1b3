"""Fillers: what stands in the places of the templates, made by Faker and by rules of our own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from faker import Faker

from connectors.tagger.word_features import LISTS

ENGLISH = ("en_US", "en_GB", "en_AU", "en_CA", "en_IE", "en_NZ", "en_IN")
LATIN = (
    *ENGLISH, "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CH", "es_ES", "es_MX", "it_IT", "pt_PT",
    "pt_BR", "nl_NL", "nl_BE", "da_DK", "sv_SE", "no_NO", "fi_FI", "pl_PL", "cs_CZ", "sk_SK",
    "sl_SI", "hr_HR", "hu_HU", "ro_RO", "et_EE", "lt_LT", "lv_LV", "tr_TR", "id_ID", "fil_PH",
    "en_KE", "en_NG", "fr_QC", "bs_BA", "is_IS", "ga_IE", "vi_VN", "sq_AL",
)  # fmt: skip
OF_LANGUAGE = {
    "de": ("de_DE", "de_AT", "de_CH"), "fr": ("fr_FR", "fr_CH", "fr_QC"), "es": ("es_ES", "es_MX"),
    "ru": ("ru_RU",), "uk": ("uk_UA",), "el": ("el_GR",), "ar": ("ar_AA", "ar_SA"),
    "he": ("he_IL",), "hi": ("hi_IN",), "zh": ("zh_CN", "zh_TW"), "ja": ("ja_JP",),
    "ko": ("ko_KR",),
}  # fmt: skip
UNSPACED = frozenset({"zh", "ja", "ko"})
PEOPLE = tuple(sorted(LISTS["people"]))
PRODUCTS = tuple(sorted(LISTS["product"]))
HONORIFICS = ("Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Prof.", "Mr", "Mrs", "Ms", "Dr", "Sir")
PARTICLES = ("van", "de", "von", "bin", "al", "da", "della")
COUNTRIES = (
    "USA", "UK", "the Netherlands", "the United Arab Emirates", "South Korea", "Russia", "Vietnam",
    "Great Britain", "England", "Scotland", "Wales", "Iran", "Syria", "the United States",
    "California", "Texas", "Bavaria", "Ontario", "Queensland", "the EU", "Europe", "Africa", "Asia",
)  # fmt: skip
BEGINNINGS = (
    "Acme", "Nord", "Blue", "Open", "Data", "Quant", "Loop", "Pay", "Cred", "Health", "Zen", "Star",
    "Geo", "Info", "Net", "Trade", "Vel", "Lumi", "Agri", "Aero", "Bio", "Cyber", "Eco", "Opti",
)  # fmt: skip
ENDINGS = (
    "soft", "bridge", "wave", "works", "ly", "ify", "labs", "point", "link", "base", "cast", "mark",
    "forge", "ora", "ix", "on", "ent", "ia", " Systems", " Analytics", " Capital", " Media",
    " Group", " Partners", " Foods", " Logistics",
)  # fmt: skip
FORMS = (
    " Inc", " Inc.", " LLC", " Ltd", " Ltd.", " GmbH", " AG", " & Sons", " Group", " PLC", " S.A.",
    " Holdings", " Bank", " University", " Foundation", " and Partners", " Orchestra", " Motors",
)  # fmt: skip
GENERAL = (
    "National", "First", "United", "Global", "Royal", "Central", "Pacific", "Northern", "Allied",
    "General", "American", "European", "International", "Federal", "New York", "World",
)  # fmt: skip
TRADES = (
    "Bank", "Insurance", "Railways", "Institute", "Motors", "Steel", "Airlines", "Hospital",
    "Council", "Telecom", "Energy", "Museum", "Party", "Court", "Union", "Times", "Commission",
)  # fmt: skip
STATIONS = ("APO AE", "FPO AP", "DPO AA")


class Fillers:
    """Makes values of every kind; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._fakers: dict[str, Any] = {}
        for names in (LATIN, *OF_LANGUAGE.values()):
            for name in names:
                self._fakers[name] = Faker(name)
                self._fakers[name].seed_instance(seed)
        self.language = "en"
        self._makers: dict[str, Callable[[], str]] = {
            "PERSON": self.person, "FIRST": self.first, "LAST": self.last, "CITY": self.city,
            "COUNTRY": self.country, "GPE": self.place, "NRP": self.people, "ORG": self.company,
            "STREET": self.street, "UNIT": self.unit, "ZIP": self.postcode, "ADDR": self.address,
            "PHONE": self.phone, "DATE": self.date, "AGE": lambda: self.number(1, 99),
            "TITLE": lambda: self.one_of(HONORIFICS), "JOB": lambda: self._english().job(),
            "NUM": lambda: self.number(1, 99_999), "NUM2": lambda: self.number(1, 60),
            "NUMH": lambda: self.number(1, 99_999), "EMAIL": lambda: self._english().email(),
            "PRODUCT": self.product,
        }  # fmt: skip

    def make(self, name: str) -> str:
        """Make a value for a place of a template."""
        return self._makers[name]().strip()

    def chance(self, share: float) -> bool:
        """Be true this often."""
        return self._random.random() < share

    def one_of(self, values: tuple[str, ...]) -> str:
        """Choose one."""
        return self._random.choice(values)

    def number(self, least: int, most: int) -> str:
        """Choose a number."""
        return str(self._random.randint(least, most))

    def _english(self) -> Any:
        return self._fakers["en_US"]

    def _local(self) -> Any:
        if self.language in OF_LANGUAGE and self.chance(0.85):
            return self._fakers[self.one_of(OF_LANGUAGE[self.language])]
        if self.language in UNSPACED:
            return self._fakers[OF_LANGUAGE[self.language][0]]
        return self._fakers[self.one_of(ENGLISH if self.chance(0.4) else LATIN)]

    def _asked(self, what: str) -> str:
        """Ask a locale for a value; those that lack it leave it to American English."""
        try:
            return str(getattr(self._local(), what)())
        except AttributeError:
            return str(getattr(self._english(), what)())

    def _cased(self, value: str) -> str:
        luck = self._random.random()
        return value.lower() if luck < 0.08 else value.upper() if luck < 0.12 else value

    def first(self) -> str:
        """Make a first name."""
        return self._cased(self._asked("first_name"))

    def last(self) -> str:
        """Make a family name."""
        return self._cased(self._asked("last_name"))

    def person(self) -> str:
        """Make a name, whole or in part."""
        local = self._local()
        first, last = local.first_name(), local.last_name()
        if self.language in UNSPACED:
            return str(last + first)
        initial = self.one_of(tuple("ABCDEFGHIJKLMNOPRSTVW"))
        ways = (
            (0.48, f"{first} {last}"),
            (0.64, first),
            (0.73, last),
            (0.82, f"{first} {initial}{self.one_of(('.', '.', ''))} {last}"),
            (0.86, f"{first} {last}-{local.last_name()}"),
            (0.90, f"{first} {local.first_name()} {last}"),
            (0.94, f"{initial}. {last}"),
            (0.97, f"{last}, {first}"),
            (1.01, f"{first} {self.one_of(PARTICLES)} {last}"),
        )
        luck = self._random.random()
        return self._cased(next(way for until, way in ways if luck < until))

    def city(self) -> str:
        """Make a town."""
        return self._cased(self._asked("city"))

    def country(self) -> str:
        """Make a country, or what is named as one."""
        return self._cased(
            self.one_of(COUNTRIES) if self.chance(0.3) else str(self._english().country())
        )

    def place(self) -> str:
        """Make a town or country."""
        return self.city() if self.chance(0.5) else self.country()

    def people(self) -> str:
        """Make a nationality or faith."""
        one = self.one_of(PEOPLE)
        return one if self.chance(0.12) else one.title()

    def product(self) -> str:
        """Make the name of a program, which is no personal data."""
        one = self.one_of(PRODUCTS)
        return one if self.chance(0.3) else one.upper() if self.chance(0.2) else one.title()

    def company(self) -> str:
        """Make a company or institution."""
        luck = self._random.random()
        if luck < 0.35:
            return self._asked("company").replace("\n", " ")
        if luck < 0.58:
            return self._cased(self.one_of(BEGINNINGS) + self.one_of(ENDINGS))
        if luck < 0.74:
            return self._asked("last_name") + self.one_of(FORMS)
        if luck < 0.86:
            return f"{self.one_of(GENERAL)} {self.one_of(TRADES)}"
        if luck < 0.92:
            return "".join(
                self._random.choices("ABCDEFGHIKLMNOPRSTUVW", k=self._random.randint(3, 4))
            )
        return f"{self._asked('last_name')}-{self._asked('last_name')}"

    def street(self) -> str:
        """Make a street with a house number."""
        name = self._asked("street_name")
        house = (
            self.number(1, 9_999)
            if self.chance(0.8)
            else self.number(1, 99) + self.one_of(tuple("abc"))
        )
        luck = self._random.random()
        return f"{house} {name}" if luck < 0.55 else f"{name} {house}" if luck < 0.95 else name

    def postcode(self) -> str:
        """Make a post code."""
        return self._asked("postcode")

    def unit(self) -> str:
        """Make a flat or office."""
        names = ("Apt. ", "Suite ", "Apt ", "Unit ", "Floor ", "#", "Flat ", "Room ")
        return self.one_of(names) + self.number(1, 999).zfill(self._random.choice((1, 3)))

    def address(self) -> str:
        """Make an address, on one line or more."""
        between = self.one_of((", ", ", ", "\n", " ", "\n "))
        luck = self._random.random()
        if luck < 0.25:
            made = self._asked("address").replace("\n", between)
        elif luck < 0.60:
            made = between.join(self._address_parts())
        elif luck < 0.75:
            made = self.street() + (f" {self.unit()}" if self.chance(0.3) else "")
        elif luck < 0.82:
            made = self._station()
        elif luck < 0.88:
            made = f"{self.street()} and {self.street()}"
            made = f"the corner of {made}" if self.chance(0.6) else made
        else:
            made = (
                f"{self.number(1, 99_999)} {self.street()}{between}{self.city()} {self.postcode()}"
            )
        return self._cased(made)

    def _address_parts(self) -> list[str]:
        parts = [self.street()]
        if self.chance(0.4):
            parts[0] += self.one_of((" ", ", ", "\n")) + self.unit()
        parts.append(self._asked("city"))
        if self.chance(0.3):
            short = self.chance(0.6)
            parts.append(str(self._english().state_abbr() if short else self._english().state()))
        if self.chance(0.5):
            parts[-1] += f" {self.postcode()}"
        if self.chance(0.4):
            parts.append(self.country())
        return parts

    def _station(self) -> str:
        places = (
            f"PSC {self.number(1, 9_999)}, Box {self.number(1, 9_999)}",
            f"Unit {self.number(1, 9_999)} Box {self.number(1, 9_999)}",
            f"P.O. Box {self.number(1, 9_999)}",
            f"USS {self._english().last_name()}",
        )
        rest = self.one_of(("\n", ", ", " ")) + self.one_of(STATIONS)
        return f"{self.one_of(places)}{rest} {self._english().postcode()}"

    def phone(self) -> str:
        """Make a telephone number as people write them."""
        if self.chance(0.4):
            return self._asked("phone_number")
        forms = (
            "(###) ###-####", "###-###-####", "### ### ###", "+4# ## ### ####", "0### ## ## ##",
            "0#.##.##.##.##", "+3# (0)## ### ## ##", "+44#### ### ###", "#### ####", "##########",
            "## ### ###", "### ## ###", "+1 ### ### ####", "0##/#######", "00## ### ######",
            "###.###.####", "### #### ####", "+##-##-########",
        )  # fmt: skip
        return "".join(
            self.one_of(tuple("0123456789")) if sign == "#" else sign for sign in self.one_of(forms)
        )

    def date(self) -> str:
        """Make a date."""
        day = self._english().date_object()
        forms = (
            "%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%d %B %Y", "%b %d", "%Y", "%Y", "%A",
            "%B %Y", "%d/%m/%y",
        )  # fmt: skip
        return str(day.strftime(self.one_of(forms)))
