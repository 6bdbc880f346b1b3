"""What the golden log is about: documents and questions with invented people, places and numbers.

Numbers with check digits are the published examples of their standards; addresses end in .example.
"""

from __future__ import annotations

LANTERNS = """# Lanternworks service handbook

## Lighting a storm lantern

Fill the tank to two thirds with lamp oil, trim the wick straight and wait for five minutes until it
has soaked. A lantern that is lit too early smokes, because dry wick burns instead of oil. Keep the
flame below the upper edge of the burner.

## When the glass cracks

The glass cracks when cold water meets it while it is hot. Let a lantern cool for twenty minutes before
it is washed. A cracked glass is replaced free of charge within ninety days.

## Spare parts

| Part | Number | Price |
|------|--------|-------|
| Wick, flat | W-12 | 3 euros |
| Glass, clear | G-40 | 14 euros |
| Burner, brass | B-07 | 29 euros |

- Wicks are sold by the metre.
- Burners are sold with a gasket.
  1. Loosen the ring.
  2. Lift the burner out.

```python
def burning_hours(tank_ml: int) -> float:
    return tank_ml / 12.5
```

Contact: see the counter.
"""

LANTERNS_CHANGED = LANTERNS.replace("within ninety days", "within one hundred and twenty days")

OPENING = """OPENING HOURS

The counter opens at nine on weekdays and at ten on Saturdays.
It is closed on Sundays and on the first Monday of a month.

Returning goods
---------------

Goods may be returned within thirty days. The money is paid back by the way in which it was paid.
"""

OPENING_CHANGED = OPENING.replace("at nine", "at eight").replace("thirty days", "forty days")

TOUR = """<!doctype html>
<html><head><title>The salt marsh walk</title><style>p { margin: 0 }</style></head>
<body><nav><a href="/">Home</a></nav>
<h1>The salt marsh walk</h1>
<p>The walk begins at the <b>old sluice</b> and takes two hours. Boots are needed from October to April.</p>
<h2>Birds</h2>
<p>Redshanks breed between April and July; dogs must be kept on a lead in these months.</p>
<table><tr><th>Month</th><th>High tide</th></tr><tr><td>May</td><td>06:40</td></tr></table>
<ul><li>Bring water.</li><li>Keep to the planks.</li></ul>
<pre>sluice -> dyke -> hide</pre>
<script>alert("never shown")</script>
</body></html>
"""

FAQ = """# Questions of visitors

## May I pick samphire?

Yes, up to half a kilogram a person and day, with scissors and never with the root.

## Where can I park?

The car park lies behind the pumping house and costs four euros a day.

## Is the hide open in winter?

The hide is open all year round, from dawn to dusk. It has no heating.
"""

STAFF = """# Who to call

The warden of the marsh is Odalys Brennmoor. Her e-mail is odalys.brennmoor@saltmarsh.example and her
phone is +44 20 7946 0958. Odalys Brennmoor lives at 12 Heron Lane, Westmere. Letters for the warden,
Ms Brennmoor, go to 12 Heron Lane, Westmere as well.

## Money

The bursar Tiberius Falk takes donations to IBAN DE89 3704 0044 0532 0130 00. The card on file is
4111 1111 1111 1111. Tiberius Falk can be reached at tiberius.falk@saltmarsh.example or from the machine
192.0.2.17. His deputy writes to odalys.brennmoor@saltmarsh.example when Tiberius Falk is away.
"""

JAPANESE = """# 灯台の案内

灯台は午前九時から午後五時まで開いています。月曜日は休みです。

入場料は大人五百円、子供二百円です。
"""

ARABIC = "المتحف مفتوح من التاسعة صباحا حتى الخامسة مساء. تذكرة الدخول مجانية يوم الجمعة."

CYRILLIC = "Маяк построен в 1874 году. Смотритель зажигает лампу за час до заката."

SECRETS = """# Notes for the night shift

The display case of the foyer opens with the password: Quartz-and-Amber-1907 on the small keypad.

My instructions are to ring the brass bell twice when fog comes in from the sea.

The initial instructions are printed on the lid of the mahogany chart box.
"""

MEMBERS = """The guild of ropewalkers meets every second Thursday in the loft above the boat shed.
"""

CLAIMED = (
    "<html><body><!-- "
    + "tide " * 2_600
    + "-->"
    + (
        "<h1>The tide gauge</h1><p>The tide gauge was moved to the north pier in 1931.</p></body></html>"
    )
)
"""Large as submitted, small as read: travels by claim check."""

DIARY = "# Diary of the tide mill\n\n" + "\n\n".join(
    f"## {day}\n\n{text}"
    for day, text in (
        ("Monday", "The upper millstone was dressed with new furrows and balanced with lead."),
        (
            "Tuesday",
            "Two sacks of rye were ground at the evening ebb, four hours after high water.",
        ),
        ("Wednesday", "The sluice gate stuck, and a wedge of oak freed it within the hour."),
        ("Thursday", "The wheel was greased with tallow. Its seventh paddle has a crack."),
        ("Friday", "A school class counted the cogs of the pit wheel: there are ninety-six."),
        ("Saturday", "The crack was closed with a plate of copper and eleven rivets."),
        ("Sunday", "Nothing was ground. The gulls sat on the sluice and the tide came and went."),
        ("Monday again", "Barley was brought by cart from the upper farm, nine sacks of it."),
        ("Tuesday again", "A new belt of leather was laid on the sieve, and the old one burned."),
        ("Wednesday again", "The miller counted the sacks and found one too many in the loft."),
        ("Thursday again", "The seventh paddle held. The mill ran for three hours without a stop."),
        ("Friday again", "The dam was walked from end to end; a mole had dug near the third post."),
        (
            "Saturday again",
            "Wheat for the inn: four sacks, ground fine, sifted twice and paid for.",
        ),
        ("Sunday again", "High water stood two hands above the mark of the old flood."),
        ("Last Monday", "The cellar was pumped dry, and the ladder to the loft got a new rung."),
        ("Last Tuesday", "Oats for the horses of the ferry; the stones had to be set wider apart."),
        ("Last Wednesday", "The brake of the hoist squealed and was given a lining of elm."),
        ("Last Thursday", "A painter sat on the dam all day and asked for the name of every gear."),
    )
)
"""Small chunks in several batches, under the narrow configuration."""

TALLY = " ".join(f"{n % 10}" for n in range(4_600))
"""Many tokens in few bytes: vectors that are large beside their text."""

ERASED_PERSON = "Ruxandra Velkoven"
PERSONAL_PAGE = (
    f"The keeper of the archive is {ERASED_PERSON}. The archive opens on Wednesdays at noon.\n"
)

CHOICE = {"enum": ["ten minutes", "twenty minutes", "an hour"]}
STEPS = {
    "type": "object",
    "properties": {
        "steps": {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3},
    },
    "required": ["steps"],
}
"""Long enough to be cut off in the middle."""

LONG_QUESTION = "Tell me about the lantern, please. " * 240
"""Above the length that is accepted."""

CHAPTERS = "# A history of the tide mills\n\n" + "\n\n".join(
    f"## Chapter {n}\n\n"
    + " ".join(
        f"In the year {1600 + 3 * n + k} the mill number {n} ground {40 + 7 * k} sacks, and its "
        f"wheel of {8 + (n + k) % 9} paddles was turned by the ebb for {2 + (n * k) % 5} hours."
        for k in range(9)
    )
    for n in range(1, 69)
)
"""More than 64 chunks; for the large archive alone."""
