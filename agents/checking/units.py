"""Units: of what numbers are told, in English, German, French and Spanish."""

from __future__ import annotations

from fractions import Fraction

import regex

SCALES = {
    word: scale
    for scale, words in {
        12: "dozen dozens dutzend douzaine docena",
        100: "hundred hundreds hundert cent cien",
        10**3: "thousand thousands tausend mille mil",
        10**6: "million millions mio millionen millón millones",
        10**9: "billion billions mrd milliarde milliarden milliard milliards",
        10**12: "trillion trillions",
    }.items()
    for word in words.split()
}
_SMALL = (
    "zero,null|,ein|two,zwei,deux,dos|three,drei,trois,tres|four,vier,quatre,cuatro|"
    "five,fünf,cinq,cinco|six,sechs,seis|seven,sieben,siete|eight,acht,huit,ocho|"
    "nine,neun,neuf,nueve|ten,zehn,dix,diez|eleven,elf,onze|twelve,zwölf,douze,doce|"
    "thirteen,dreizehn,treize,trece|fourteen,vierzehn,quatorze,catorce|fifteen,fünfzehn,quinze,quince|"
    "sixteen,sechzehn,seize|seventeen,siebzehn|eighteen,achtzehn|nineteen,neunzehn|"
    "twenty,zwanzig,vingt,veinte"
)
_TENS = {
    word: 10 * tens
    for tens, words in {
        3: "thirty dreißig trente treinta",
        4: "forty vierzig quarante cuarenta",
        5: "fifty fünfzig cinquante cincuenta",
        6: "sixty sechzig soixante sesenta",
        7: "seventy siebzig setenta",
        8: "eighty achtzig ochenta",
        9: "ninety neunzig noventa",
        10: "hundred hundert",
        100: "thousand tausend",
    }.items()
    for word in words.casefold().split()
}
_ONES = {word: n for n, words in enumerate(_SMALL.split("|")) for word in words.split(",") if word}
_ONES.pop("ein")
NUMERALS = {
    **_ONES,
    **_TENS,
    **{
        f"{tens}-{one}": _TENS.get(tens, 20) + _ONES[one]
        for tens in ("twenty", *[word for word in _TENS if word.endswith("ty")])
        for one in "two three four five six seven eight nine".split()  # noqa: SIM905 - as above
    },
}
"""Words for numbers; `one` and `ein` are left out, since they are articles and pronouns too."""

CURRENCIES = {"$": "usd", "USD": "usd", "€": "eur", "EUR": "eur", "£": "gbp", "GBP": "gbp",
              "¥": "jpy", "JPY": "jpy", "₹": "inr", "CHF": "chf"}  # fmt: skip
_TABLE = """
% 1: % percent pct prozent
ordinal 1: st nd rd th
time 1/1000000000: ns nanosecond nanoseconds
time 1/1000000: µs us microsecond microseconds
time 1/1000: ms msec millisecond milliseconds millisekunde millisekunden milisegundos
time 1: s sec secs second seconds sekunde sekunden seconde secondes segundo segundos
time 60: min mins minute minutes minuten minuto minutos
time 3600: h hr hrs hour hours stunde stunden heure heures hora horas
time 86400: day days tag tage tagen jour jours día días
time 604800: week weeks woche wochen semaine semaines semana semanas
months 1: month months monat monate monaten mois mes meses
months 12: year years yr yrs jahr jahre jahren an ans année années año años
data 1/8: bit bits
data 1: byte bytes octets
data 1000: kB KB kilobyte kilobytes
data 1000000: MB megabyte megabytes
data 1000000000: GB gigabyte gigabytes
data 1000000000000: TB terabyte terabytes
data 1000000000000000: PB petabyte petabytes
data 1024: KiB kibibyte kibibytes
data 1048576: MiB mebibyte mebibytes
data 1073741824: GiB gibibyte gibibytes
data 1099511627776: TiB tebibyte tebibytes
rate 1: bit/s bps
rate 1000: kbit/s kbps kb/s
rate 1000000: Mbit/s Mbps mbps Mb/s
rate 1000000000: Gbit/s Gbps gbps Gb/s
rate 8000000: MB/s
length 1/1000: mm millimetre millimetres millimeter millimeters
length 1/100: cm centimetre centimetres centimeter centimeters zentimeter
length 1: m metre metres meter meters metern mètre mètres metro metros
length 1000: km kilometre kilometres kilometer kilometers kilomètre kilomètres kilómetro kilómetros
length 201168/125: mile miles meile meilen
length 381/1250: ft foot feet
length 127/5000: inch inches zoll
mass 1/1000000000: µg
mass 1/1000000: mg
mass 1/1000: g gram grams gramm gramme grammes gramo gramos
mass 1: kg kilogram kilograms kilogramm kilo kilos
mass 1000: tonne tonnes tonnen toneladas
volume 1/1000: ml mL
volume 1: l L litre litres liter liters litro litros
frequency 1: Hz hertz
frequency 1000: kHz
frequency 1000000: MHz
frequency 1000000000: GHz
power 1: W watt watts
power 1000: kW
power 1000000: MW
celsius 1: °C ºC
fahrenheit 1: °F ºF
usd 1: USD dollar dollars $
eur 1: EUR euro euros €
gbp 1: GBP £
speed 1: km/h
"""


def _exact(number: str) -> int | Fraction:
    value = Fraction(number)
    return value.numerator if value.denominator == 1 else value


UNITS = {
    unit: (line.split()[0], _exact(line.split(":")[0].split()[1]))
    for line in _TABLE.strip().splitlines()
    for unit in line.split(":")[1].split()
}
"""A unit, as written or with its case folded -> what it measures, and how much of it."""

_ARTICLE = r"\s?(?:of|the|a|an|von|de|d['’])?\s?[$€£¥]?\Z"
BOUND_BEFORE = {
    bound: regex.compile(rf"(?<!\p{{L}})(?:{words}){_ARTICLE}", regex.IGNORECASE)
    for bound, words in {
        ">=": r"(?:no|not) (?:less|fewer|lower|earlier) than|at least|(?:a )?minimum|min\.?|≥|>="
        r"|mindestens|wenigstens|nicht weniger als|au moins|al menos|como mínimo|por lo menos",
        "<=": r"(?:no|not) (?:more|greater|higher|later) than|(?:not|never) exceed|at most|up to"
        r"|(?:a )?maximum|max\.?|≤|<=|höchstens|maximal|bis zu|nicht mehr als|au plus|jusqu['’]à"
        r"|au maximum|como máximo|hasta|a lo sumo",
        ">": r"(?:more|greater|higher|longer|larger|older) than|over|above|exceeds?|exceeding"
        r"|beyond|>|mehr als|über|länger als|plus de|supérieur à|más de|mayor que",
        "<": r"(?:less|fewer|lower|shorter|smaller|younger) than|under|below|<|weniger als|unter"
        r"|kürzer als|moins de|inférieur à|menos de|menor que",
    }.items()
}
_OR = r"\s?(?:or|and|oder|und|ou|o|y) "
BOUND_AFTER = {
    ">=": regex.compile(
        rf"\s?\+|{_OR}(?:more|above|higher|later|older|greater|mehr|höher|plus|más)\b"
    ),
    "<=": regex.compile(rf"{_OR}(?:less|fewer|below|lower|earlier|younger|weniger|moins|menos)\b"),
}
