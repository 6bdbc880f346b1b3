"""Conversations of the golden log that outlast what is read of them, and questions cut short in each way."""

from __future__ import annotations

_BETWEEN = (
    "How many lamps does the lamp room have?", "Where was the glider built?", "What is the Vesper tram?", "Who can open the vault?",
    "When is the cellar excluded?", "How heavy is the sail?",
)  # fmt: skip
SUMMED = (
    ("What does the residential parking permit cost?", "Which rivers flow through Peru?", *_BETWEEN, "Is the permit valid for a year?",
     "What was my earlier question?", "Is a permit valid for a year?", "What is the first question?", "How is the lamp?",
     "Where is the permit office?", "What does the residential parking permit cost?", "Which rivers flow through Peru?"),
    ("Do the blue parking permit and the red parking permit differ?", "Which moons circle Saturn?", "Which kings ruled Denmark?", "Who won in Chile?",
     "Who sang in Vienna?", *_BETWEEN, "Does the permit end?", "And my open question?", "Does the red parking permit end?", *_BETWEEN[:3], "Does the permit begin?"),
    ("Does Orla Quist hold the long harbour lease?", "Does Orla Quist know Bram Tellier of Tellier Lane?", *_BETWEEN, "Who signed the lease?", "Who is she?"),
    ("Was kostet der lange Mietvertrag des Hafens?", "Wie groß ist das obere Fach?", "Wer mahlt das Mehl?", "Wo steht das Tor?", "Wann friert es?",
     "Wie viele Stufen hat die Treppe?", "Was kostet das Mehl?", "Was kostet der Vertrag?", "Wer prüft das Fach?"),
    ("灯台は何時に開きますか？", "鍵はどこですか？", "切符はいくらですか？", "階段は何段ありますか？", "規則はいくつありますか？", "入口はどこですか？", "茶園は？", "灯台は？"),
    (*(f"How wide is the {one} harbour gate, and {'x' * 90} of the {one} tide pool?" for one in
       ("red", "blue", "green", "grey", "white", "black", "brown", "pink", "gold", "teal", "plum", "rust", "sand", "lime")), "Is the gate wide?"),
    (f"Which rivers flow through Peru, {'and on ' * 26}now?", f"Which rivers flow through Peru, {'and on ' * 24}so on and so?", *_BETWEEN, "What is the unanswered question?"),
)  # fmt: skip
"""What a later question means was named so long ago that only the summary knows it."""
CUT_SHORT = (
    ("How large is the memory cache?", "And if it is full?", "What if the disk fails?", "And when does it clear?", "And when empty?", "What if, say, it fails?",
     "And in 2020?", "In 2020, how large was the cache of Oslo?", "And 2021?", "And on Monday?", "And the very old large red shared memory disk caches?"),
    ("Why is the disk cache slow?", "Why not?", "Is the memory cache quick?", "Why?", "Why not?", "Because?", "How come?"),
    ("How large is the disk cache?", "No, I meant.", "No, I meant it.", "No, I meant the very old cache of the harbour office in Bergen near the pier.",
     "No, I meant the memory cache.", "Is that so?", "No, I meant Oslo.", "Is the pier, the office or the mill open?", "No, the other one.",
     "Is the memory cache and the disk cache quick?", "I meant the other one."),
    ("Which words stand in the list of six?", "Which of them is best?", "What is the first one?", "What is the ninth one?", "What is the fifth one?", "What are they?"),
    ("What happens when the bell rings?", "How can I avoid that in winter?", "What is the price of the permit?", "What is the price?", "And the colour at night?",
     "I want to know how to clear it", "Can you pay the fee?", "Who pays?", "What runs?", "Pass the bell", "Is the price low?", "The price?"),
    ("有哪些箱子?", "红箱是什么?", "红箱?", "红箱在门口的什么地方呢?", "蓝箱多少钱一个啊?"),
    ("Können Sie die Mühle zeigen?", "Und wenn es friert?", "Wenn sie schließt?", "Und warum nicht?", "Kennen Sie die Leute?", "Die Frist der Miete?", "Die Frist?"),
)  # fmt: skip
"""Questions that lean in one way each."""
SIX = "# Six words\n\nWhich words stand in the list of six? The list of six words:\n\n- Alder\n- Birch\n- Cedar\n- Elm\n- Fig\n- Hazel\n"
TERMS = """Boats > Keels

The keel of the punt is flat. See v. 2.0 and no. 7 of the list. It holds, cf. p. 9 and sec. C of it. Art.

KEEPING THE PUNT
The punt is kept in the shed of the quarry. It is dried first.

.. image:: punt.png
:class: wide

The status of the punt is one of:
0  if the punt is dry
1  if the punt is wet
12  otherwise

import the oars before the punt comes to the quarry at dawn.

punt - a flat boat of the quarry.

The punt is flatter than the skiff of the quarry. The skiff of the quarry is a tall boat.

"Flat Boat Grant" means a right to take the flat boats of the quarry out. The grant of flat boats ends in May.

    punt load   # loads the oars of the punt
    punt unload

The punt needs:

The quarry is open on 4/7/2025 and on 25/12/2025. It is closed on 99/99/2025. The rail was laid in 1999999999999999999999999999999999999999999 days.
Release 1,2.3,4 of the punt has 1,234.5 planks and 1.5,6 nails. The punt is open after 3 May and before 9 June."""
CODE = """# Loads

To load the punt, say:

```
punt load  # loads the oars of the punt
punt unload  # takes the oars of the punt out
```
"""
ABOUT_TERMS = (
    "What is a punt?", "What is the status of the punt?", "What is a flat boat grant?", "What does the flat boat grant mean?", "How do I keep the punt?",
    "What is the keel of the punt?", "How do the punt and the skiff differ?", "How do I unload the punt?", "How do I load the oars of the punt?", "How many planks has the punt?", "When is the quarry open?", "Compare the punt with the moon.",
    "What does the keel of the punt and the glider have?", "What are the oars for, before the punt comes?",
)  # fmt: skip
OPENINGS = """# The shed

Morello chooses the key of the shed. Mandatory options open the list of the shed. Porter walks a mile to the shed. Ladders
leaned on the shed of the quarry. In the quarry Granite lies by the shed, and Granite holds the door.
"""
OPENED = (
    ("Who chooses the key of the shed?", "And where is it kept?"), ("What opens the list of the shed?", "Are they free?"),
    ("Who walks a mile to the shed?", "And why does he do it?"), ("What leaned on the shed?", "How old are they?"), ("What lies by the shed?", "Who owns it?"),
)  # fmt: skip
"""Answers of which each begins with a word that is a name, or only begins them."""
