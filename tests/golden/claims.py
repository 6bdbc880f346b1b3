"""What a trusted model says of the pages of the golden log, sentence by sentence: true, turned, or made up.

Each topic is a page of facts, and what is claimed of it. The first claim stands; of the others some do, and some differ
from a fact in one thing: a unit, a bound, a day, a negation, a quantifier, a modal verb, a condition, a name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agents.language import is_number, words

PART_WORDS = 70


class Topic(NamedTuple):
    """A page, and what a model says when it is asked about it."""

    name: str
    facts: str
    """The sentences of the page, a line each."""
    claims: str
    """Sentences of the model, a line each."""
    question: str = "What is written of {name}?"
    table: str = ""
    """What stands on the page behind its sentences."""

    @property
    def signs(self) -> str:
        """The numbers and names that are claimed and stand in no fact.

        Page and question hold them too: else a claim would fall for such a sign, whatever it says.
        """
        held = set(words(self.facts))
        told = [word for line in self.claims.split("\n") for word in words(line)[1:]]
        told += [word for word in words(self.claims) if is_number(word)]
        new = [
            word for word in told if word not in held and (is_number(word) or word[:1].isupper())
        ]
        return " ".join(dict.fromkeys(new))

    @property
    def page(self) -> str:
        """The page as Markdown; with the parts of its signs, as a question's number is looked for by its parts."""
        facts = " ".join(self.facts.split("\n"))
        parts = dict.fromkeys(re.findall(r"[^\W_]+", self.signs))
        signs = f"\n\nSigns: {self.signs}. {' '.join(parts)}." if self.signs else ""
        return f"# {self.name}\n\n{facts}{signs}\n{self.table}"

    @property
    def asked(self) -> str:
        """The question about it."""
        signs = f" ({self.signs})" if self.signs else ""
        return self.question.format(name=self.name + signs)

    @property
    def said(self) -> tuple[str, ...]:
        """The parts in which the model says it: so many words that sentences end within a part."""
        words = " ".join(self.claims.split("\n")).split(" ")
        return tuple(
            " " * bool(at) + " ".join(words[at : at + PART_WORDS])
            for at in range(0, len(words), PART_WORDS)
        )


TOPICS = (
    Topic(
        "the Orrin lighthouse",
        """The lamp of the Orrin lighthouse draws 1,500 W at night.
The stairs have 212 steps and 9 landings.
The gallery stands 31.5 m above the sea.
The battery lasts at least 72 hours.
The fuel tank holds up to 1.2 tonnes of diesel.
A visit costs 6.50 euros for grown visitors and $3 for pupils.
The beam reaches more than 18 miles.
The radio link carries 20 Mbit/s, and its log takes 4 GiB a month.
The pump moves 250 ml per second.
The glass survives 60 °C and hail of 30-40 mm.
Two keepers share twenty-four duties a week.
The horn sounds for 5 seconds every 2 minutes.
The archive of the tower counts 1.234.567 pages in 3 million words.
About 15 % of the lenses are older than 90 years.
The fog bell weighs 2 dozen stones, or 330 kg.
The door code has no fewer than 8 digits.
The buoy of the station needs 12 V and under 3 kW.
Serial 00012-B17 of release v2.4 stands on the plate.""",
        """The lamp of the Orrin lighthouse draws 1.5 kW at night.
The stairs have 212 steps and 9 landings.
The stairs have 9 steps and 212 landings.
The gallery stands 3,150 cm above the sea.
The gallery stands 31,5 m above the sea.
The gallery stands 31.5 ft above the sea.
The battery lasts at least three days.
The battery lasts 72 hours.
The battery lasts up to 72 hours.
The battery lasts more than 72 hours.
The fuel tank holds at most 1,200 kg of diesel.
The fuel tank holds 1.2 tonnes or more of diesel.
A visit costs 6.5 EUR for grown visitors.
A visit costs 6.50 GBP for grown visitors.
A visit costs 3 dollars for pupils.
A visit costs 3 EUR for pupils.
The beam reaches over 18 miles.
The beam reaches 18 miles.
The beam reaches more than 18 km.
The beam reaches at least 18 miles.
The radio link carries 20,000 kbit/s.
The radio link carries 20 MB/s.
Its log takes 4 GB a month.
Its log takes 4096 MiB a month.
The pump moves 0.25 l per second.
The pump moves 250 l per second.
The glass survives hail of 30 mm.
The glass survives hail of 3 to 4 cm.
The glass survives hail of 50 mm.
The glass survives 60 °F.
The keepers share 24 duties a week.
Three keepers share twenty-four duties a week.
The horn sounds for 5 seconds every 120 seconds.
The horn sounds for 5 ms every 2 minutes.
The archive counts 1,234,567 pages in 3,000,000 words.
The archive counts 1234567 pages in 3 bn words.
About 15 percent of the lenses are older than 90 years.
About 15 of the lenses are older than 90 years.
The fog bell weighs 24 stones.
The fog bell weighs 330 g.
The door code has at least 8 digits.
The door code has fewer than 8 digits.
The door code has 8 digits or more.
The buoy of the station needs less than 3 kW.
The buoy of the station needs below 3,000 W.
The buoy of the station needs above 3 kW.
Release v2.4 stands on the plate.
Release v2.5 stands on the plate.
Yes, the lamp draws 1,500 W at night.""",
    ),
    Topic(
        "the Vesper tram",
        """The Vesper tram was opened on 12 May 1926.
Its depot burned down on 2031-03-09.
The first tram leaves at 5:40 am, the last one at 11:15 pm.
Trams run daily from 1 April until 31 October.
The line was sold in June 1954 and closed before 1961.
The museum car is shown after 4/7/2025.
Tickets of 1999 are valid through 24 December.
On Monday the tram stops at the harbour.
The rails were laid since 3.10.1925 by hand.
The council met on the 21st of February 1953 about its end.
Car 14 was painted in May, and may 3 of them run.
The jubilee is on September 30, 2026.
Seit dem 5. März 1950 hält die Tram am Markt.
Le tram roule depuis le 14 juillet 1930.
El tranvía cierra el 6 de enero de 2027.""",
        """The Vesper tram was opened on May 12, 1926.
The Vesper tram was opened in May 1926.
The Vesper tram was opened in 1926.
The Vesper tram was opened on 13 May 1926.
The Vesper tram was opened on 12 June 1926.
The Vesper tram was opened on 12 May 1927.
Its depot burned down on 9 March 2031.
Its depot burned down on 9/3/2031.
Its depot burned down on 3/9/2031.
Its depot burned down in March 2031.
Its depot burned down on 10.3.2031.
The first tram leaves at 05:40.
The first tram leaves at 17:40.
The last one leaves at 23:15.
The last one leaves at 11:15 am.
The last one leaves at 11 pm.
Trams run daily until 31 October.
Trams run daily until 1 April.
Trams run daily from 31 October.
Trams run daily since 1 April.
Trams run daily before 31 October.
The line was sold in June 1954.
The line was sold on 3 June 1954.
The line closed after 1961.
The line closed before 1961.
The museum car is shown after 7 April 2025.
The museum car is shown after 4 July 2025.
The museum car is shown before 4 July 2025.
The museum car is shown after 5 July 2025.
Tickets of 1999 are valid until 24 December.
Tickets of 1999 are valid by Christmas.
On Tuesday the tram stops at the harbour.
On Monday the tram stops at the harbour.
The rails were laid since 3 October 1925.
The rails were laid since 10 March 1925.
The council met on 21 February 1953.
The council met in February 1953.
The council met on February 22nd, 1953.
The jubilee is on 30 September 2026.
The jubilee is on 2026-09-30.
The jubilee is on 2026-09.
Seit dem 5.3.1950 hält die Tram am Markt.
Seit dem 6. März 1950 hält die Tram am Markt.
Le tram roule depuis le 14 juillet 1930.
Le tram roule depuis le 14 juin 1930.
El tranvía cierra el 6 de enero de 2027.
El tranvía cierra el 7 de enero de 2027.""",
    ),
    Topic(
        "the Calder mill",
        """The Calder mill is open to the public on weekdays.
The old wheel never turns in frost.
The miller does not grind rye without a licence.
Demand for flour rose in spring and fell in autumn.
The upper stone is harder than the lower one.
The sluice is closed before the flood arrives.
The western gate is not locked at night.
The grain dryer fails to start when it is wet.
The new belt is stable and the old one unsafe.
Dust is not only unhealthy but explosive.
The mill lacks a chimney.
Neither the cat nor the dog sleeps inside.
Visitors leave by the left door, but they enter by the right one.
It is unknown whether the mill was paid for in silver.
Was the millstone imported from France?
The dam protects the meadow and prevents damage.
The switch is enabled by default.
The crane is cheap and the boat is not expensive.
The pond is full although the brook is not deep.
Entry is free; the cellar is excluded.""",
        """The Calder mill is open to the public on weekdays.
The Calder mill is closed to the public on weekdays.
The Calder mill is not open to the public on weekdays.
The Calder mill is open to private guests on weekdays.
The old wheel does not turn in frost.
The old wheel turns in frost.
The new wheel never turns in frost.
The miller does not grind rye without a licence.
The miller grinds rye without a licence.
The miller does not grind rye with a licence.
Demand for flour fell in spring.
Demand for flour rose in spring.
Demand for flour increased in spring.
Demand for flour rose in autumn.
The upper stone is softer than the lower one.
The upper stone is harder than the lower one.
The lower stone is harder than the upper one.
The sluice is closed after the flood arrives.
The sluice is closed before the flood arrives.
The sluice is shut before the flood arrives.
The sluice is opened before the flood arrives.
The western gate is locked at night.
The western gate is unlocked at night.
The western gate isn't locked at night.
The eastern gate is not locked at night.
The grain dryer starts when it is wet.
The grain dryer does not start when it is wet.
The grain dryer is unable to start when it is wet.
The new belt is unstable.
The new belt is stable.
The old one is safe.
The old one is not safe.
The new belt is not unstable.
Dust is explosive.
Dust is not explosive.
Dust is healthy.
The mill has a chimney.
The mill is without a chimney.
The mill does not lack a chimney.
The cat sleeps inside.
The dog does not sleep inside.
Neither the dog nor the cat sleeps outside.
Visitors leave by the right door.
Visitors leave by the left door.
The mill was paid for in silver.
The millstone was imported from France.
The dam protects the meadow.
The dam harms the meadow.
The dam allows damage.
The switch is disabled by default.
The switch is enabled by default.
The crane is expensive.
The boat is expensive.
The boat is not expensive.
The pond is empty.
The brook is not deep.
The brook is deep.
The pond is not full.
Entry is paid.
The cellar is included.
No, entry is free.""",
    ),
    Topic(
        "the Juniper archive",
        """All boxes of the Juniper archive must be sealed.
Some maps may be copied in the reading room.
Readers should wear gloves if a page is torn.
Most of the letters are often read by students.
Only the keeper can open the vault.
Guests must not photograph the seals.
Lamps are switched off unless the guard is present.
Several drawings cannot be lent.
Every reader shall sign the book when it rains.
Certain diaries are sometimes shown provided that the family agrees.
Not only scholars may ask for the index.
Some 150 prints are kept in drawers.
The heating runs in winter except on Sunday.
It is recommended to book a desk.
Cleaners could move the ladder.
Members get at least 3 or more loans.""",
        """All boxes of the Juniper archive must be sealed.
Boxes of the Juniper archive must be sealed.
Some boxes of the Juniper archive must be sealed.
All boxes of the Juniper archive may be sealed.
All boxes of the Juniper archive are sealed.
All boxes of the Juniper archive should be sealed.
All boxes of the Juniper archive must not be sealed.
Some maps may be copied in the reading room.
All maps may be copied in the reading room.
Maps may be copied in the reading room.
Some maps must be copied in the reading room.
Some maps are copied in the reading room.
Readers should wear gloves if a page is torn.
Readers should wear gloves.
Readers should wear gloves unless a page is torn.
Readers must wear gloves if a page is torn.
Readers may wear gloves if a page is torn.
Most of the letters are read by students.
All of the letters are often read by students.
Letters are often read by students.
Only the keeper can open the vault.
The keeper can open the vault.
The keeper cannot open the vault.
Guests must not photograph the seals.
Guests may photograph the seals.
Guests cannot photograph the seals.
Only guests must not photograph the seals.
Lamps are switched off unless the guard is present.
Lamps are switched off if the guard is present.
Lamps are switched off.
Lamps are switched off if it rains.
Several drawings cannot be lent.
Several drawings can be lent.
Drawings cannot be lent.
Every reader shall sign the book when it rains.
Each reader must sign the book.
Certain diaries are shown provided that the family agrees.
Certain diaries are always shown if the family agrees.
Certain diaries are shown.
Scholars may ask for the index.
Not only scholars may ask for the index.
Only scholars may ask for the index.
Some 150 prints are kept in drawers.
150 prints are kept in drawers.
All prints are kept in drawers.
The heating runs in winter except on Sunday.
The heating runs in winter.
The heating runs in winter on Sunday.
It is recommended to book a desk.
You should book a desk.
You must book a desk.
Cleaners could move the ladder.
Cleaners move the ladder.
Members get at least 3 loans.
Members get 3 loans or more.
Members get no more than 3 loans.""",
    ),
    Topic(
        "die Mühle am Brunnen",
        """Die Mühle am Brunnen mahlt nicht ohne Wasser.
Der Müller darf keine Gäste einlassen, wenn es friert.
Das Rad dreht sich mindestens 3 Stunden am Tag.
Nur der Lehrling muss die Kammer immer fegen.
Weder Hund noch Katze schlafen innen.
Der Preis sinkt im Herbst um 5 Prozent.
Einige Säcke sind teuer, aber nicht schwer.
Das Tor ist geschlossen, sofern niemand klingelt.
Am Dienstag kommt der Wagen nach 14:30 Uhr.
Die Treppe hat mehr als 40 Stufen.
Fremde können die Schleuse nicht öffnen, außer bei Hochwasser.
Das Mehl kostet 2,50 € je Kilo.
Der Fahrer kommt nicht.
Der Hund am Tor ist noch klein.""",
        """Die Mühle am Brunnen mahlt nicht ohne Wasser.
Die Mühle am Brunnen mahlt ohne Wasser.
Der Müller darf keine Gäste einlassen, wenn es friert.
Der Müller darf Gäste einlassen, wenn es friert.
Der Müller darf keine Gäste einlassen.
Das Rad dreht sich wenigstens 3 Stunden am Tag.
Das Rad dreht sich höchstens 3 Stunden am Tag.
Das Rad dreht sich bis zu 180 Minuten am Tag.
Der Lehrling muss die Kammer immer fegen.
Nur der Lehrling kann die Kammer immer fegen.
Nur der Lehrling muss die Kammer fegen.
Der Hund schläft innen.
Weder Hund noch Katze schlafen innen.
Weder Hund noch Katze schlafen außen.
Der Preis steigt im Herbst um 5 Prozent.
Der Preis sinkt im Herbst um 5 %.
Alle Säcke sind teuer.
Einige Säcke sind billig.
Einige Säcke sind nicht schwer.
Das Tor ist offen, sofern niemand klingelt.
Das Tor ist geschlossen.
Das Tor ist geschlossen, sofern niemand klingelt.
Am Montag kommt der Wagen nach 14:30 Uhr.
Am Dienstag kommt der Wagen vor 14:30 Uhr.
Am Dienstag kommt der Wagen nach 14:30 Uhr.
Die Treppe hat über 40 Stufen.
Die Treppe hat weniger als 40 Stufen.
Die Treppe hat 40 Stufen.
Fremde können die Schleuse öffnen.
Fremde können die Schleuse nicht öffnen, außer bei Hochwasser.
Das Mehl kostet 2.50 EUR je Kilo.
Das Mehl kostet 3,50 € je Kilo.
Der Fahrer kommt.
Der Fahrer kommt nicht.
Der Hund am Tor ist klein.
Nein, das Mehl kostet 2,50 € je Kilo.""",
        "Was steht über {name}?",
    ),
    Topic(
        "le musée Ardent",
        """Le musée Ardent n'ouvre jamais le lundi.
La salle rouge est interdite aux enfants sans adulte.
Le billet coûte 7 euros et dure au plus 2 heures.
Personne ne peut toucher la lampe.
Il n'y a aucune fenêtre dans la tour.
Quelques tableaux peuvent être vendus si le conseil accepte.
Le prix baisse en hiver.
Les guides doivent parler toujours lentement.
La cave est fermée avant midi.
Le jardin possède vingt arbres rares.
L'entrée est gratuite sauf le dimanche.
Une personne garde la porte bleue.
Trois fois rien suffit au gardien.
Plus que jamais la tour attire le monde.""",
        """Le musée Ardent n'ouvre jamais le lundi.
Le musée Ardent ouvre le lundi.
Le musée Ardent n'ouvre pas le lundi.
Le musée Ardent n'ouvre jamais le mardi.
La salle rouge est interdite aux enfants.
La salle rouge est interdite aux enfants sans adulte.
Le billet coûte 7 € et dure au plus 120 minutes.
Le billet dure au moins 2 heures.
Le billet coûte 8 euros.
Personne ne peut toucher la lampe.
Le public peut toucher la lampe.
Il y a une fenêtre dans la tour.
Il n'y a aucune fenêtre dans la tour.
Quelques tableaux peuvent être vendus si le conseil accepte.
Tous les tableaux peuvent être vendus.
Quelques tableaux doivent être vendus si le conseil accepte.
Le prix baisse en hiver.
Le prix augmente en hiver.
Les guides doivent parler lentement.
Les guides peuvent parler toujours rapidement.
La cave est fermée après midi.
La cave est ouverte avant midi.
Le jardin possède 20 arbres rares.
Le jardin possède 21 arbres rares.
L'entrée est payante sauf le dimanche.
La porte bleue se garde.
Trois fois suffit au gardien.
La tour attire le monde.
L'entrée est gratuite.
L'entrée est gratuite sauf le dimanche.""",
        "Que dit-on sur {name}?",
    ),
    Topic(
        "el Faro Blanco",
        """El Faro Blanco nunca abre sin permiso.
Los niños pueden subir si llevan casco.
La torre mide más de 40 metros.
Todos los guardas deben firmar antes de entrar.
Ninguna lámpara es nueva.
El precio sube en verano hasta 9 euros.
Algunos barcos no llegan al muelle norte.
Solo el capitán puede abrir la puerta izquierda.
La sala está cerrada salvo los jueves.""",
        """El Faro Blanco nunca abre sin permiso.
El Faro Blanco abre sin permiso.
El Faro Blanco no abre sin permiso.
Los niños pueden subir si llevan casco.
Los niños pueden subir.
Los niños no pueden subir si llevan casco.
Los niños deben subir si llevan casco.
La torre mide más de 4.000 cm.
La torre mide menos de 40 metros.
La torre mide 40 metros.
Todos los guardas deben firmar antes de entrar.
Todos los guardas deben firmar después de entrar.
Los guardas deben firmar antes de entrar.
Ninguna lámpara es nueva.
Ninguna lámpara es vieja.
El precio baja en verano hasta 9 euros.
El precio sube en verano hasta 9 €.
Algunos barcos llegan al muelle norte.
Algunos barcos no llegan al muelle sur.
Solo el capitán puede abrir la puerta derecha.
El capitán puede abrir la puerta izquierda.
La sala está abierta salvo los jueves.
La sala está cerrada salvo los jueves.""",
        "¿Qué se dice sobre {name}?",
    ),
    Topic(
        "the Delta driver",
        """The Delta driver reads config.yaml and writes var.log files.
The call openPort is independent of readAll.
Unit K-12 speaks HTTP2 over node-7.
The driver can't run on disks of 32 kB.
Its cache is insecure, disloyal clients apart.
The retry is impossible within 250 ms.
The flag --force removes the lock.
The port A_B maps to us-east-2.
Packets are irregular but legible.
The table holds 10 rows or more and 5 columns.
The reload does not, on node-7, take long.
Nobody has seen the kernel's panic.""",
        """The Delta driver reads config.yaml and writes var.log files.
The Delta driver reads setup.yaml and writes var.log files.
The call openPort is dependent of readAll.
The call openPort is independent of readAll.
The call openFile is independent of readAll.
The call openPort is not dependent of readAll.
Unit K-12 speaks HTTP2 over node-7.
Unit K-13 speaks HTTP2 over node-7.
Unit K-12 speaks HTTP2 over node-8.
The driver can run on disks of 32 kB.
The driver cannot run on disks of 32 KiB.
The driver can't run on disks of 32 kB.
Its cache is secure.
Its cache is not secure.
Loyal clients are apart.
The retry is possible within 250 ms.
The retry is impossible within 0.25 s.
The retry is not possible within 250 ms.
The flag --force adds the lock.
The flag --force removes the lock.
The port A_B maps to us-east-2.
The port A_C maps to us-east-2.
Packets are regular.
Packets are illegible.
Packets are not regular.
The table holds at least 10 rows.
The table holds 5 rows.
The table holds 5 columns and 10 rows or more.
The reload does not take long.
The reload takes long on node-7.
Nobody has seen the panic of the kernel.
Somebody has seen the kernel's panic.""",
    ),
    Topic(
        "the Beacon inn",
        """The porter of the Beacon inn is unkind.
The tonic of the inn is impure.
The cooks dislike the soup.
The coach to the inn is nonstop.
The tale of the cellar is irreal.
The lease of the stable is illegal.
The plan of the roof is insane.
The yard is unlit.
The knot of the rope is undone.
The guests disarm at the door.""",
        """The porter of the Beacon inn is unkind.
The porter of the Beacon inn is kind.
The porter of the Beacon inn is not kind.
The tonic of the inn is pure.
The tonic of the inn is not pure.
The cooks like the soup.
The cooks do not like the soup.
The coach to the inn is not nonstop.
The tale of the cellar is real.
The tale of the cellar is not real.
The lease of the stable is legal.
The lease of the stable is not legal.
The plan of the roof is sane.
The plan of the roof is not sane.
The yard is lit.
The yard is not lit.
The knot of the rope is done.
The knot of the rope is not done.
The guests arm at the door.
The guests do not arm at the door.""",
    ),
    Topic(
        "灯台の規則",
        """灯台の規則は三十条あります。
子供は入れません。
鍵は事務所にあります。
夜は閉まっています。""",
        """灯台の規則は三十条あります。
灯台の規則は四十条あります。
子供は入れます。
子供は入れません。
鍵は事務所にあります。
鍵は港にあります。""",
        "{name}には何がありますか？",
    ),
    Topic(
        "the Quarry rules",
        """The Quarry rules are old.
The quarry closes at dusk.""",
        """The Quarry rules are old.
Blast: 9 men, 2 days.
Dig: 4 men, 6 days.
Blast: 4 men, 2 days.
Wear a helmet in the pit at all times.
Never wear a helmet in the pit.
Sound the horn 3 times before each blast.
Sound the horn 2 times before each blast.
Call the foreman if the rope is frayed.
Call the foreman.
The rope is frayed.""",
        table="""
Before each shift:

1. Wear a helmet in the pit at all times.
2. Sound the horn 3 times before each blast.
3. Call the foreman if the rope is frayed.

| Work | Men | Days |
|---|---|---|
| Blast | 9 men | 2 days |
| Dig | 4 men | 6 days |
""",
    ),
    Topic(
        "the toll house",
        """Carts pay $5 at the toll house.
Coaches pay €6 at noon.
Vans pay £7 each way.
Boats pay ¥800 in spring.
Mules pay ₹90 in autumn.
Sheds hold five hundred nails.
Chests hold two dozen eggs.
Barns hold three thousand beams.
Mines hold 4 million coals.
Seas hold 5 billion herrings.
Skies hold 6 trillion sparks.
Walls have thirty gaps.
Doors have forty bolts.
Roofs have fifty tiles.
Gates have sixty bars.
Lanes have seventy lamps.
Paths have eighty bends.
Stairs have ninety treads.
Towers have hundred bricks.
Fields have thousand stones.
Ponds hold 5k carps.
Lakes hold 6K pikes.
Bays hold 7M crabs.
Gulfs hold 8mn clams.
Reefs hold 9bn corals.
Oceans hold 2B shrimps.
Ovens bake at 200 °C for 45 min.
Ropes are 6 ft long.
Bolts are 2 inches wide.
Loads weigh 3 tonnes at most.
Tapes hold 16 bits a row.
The road is 3-4 miles long.
The ditch is between 5 and 7 m wide.
Rent is 0.125 of 1.000 crowns, not -3.
Rates are 1,5 % or 2.500 crowns.
Codes such as 1.2.3.4 and 1,22,3 are lists.
The wagon moves at 30 km/h and 12 m/s.
It takes 2 years and 18 months.
Queues of 20 people or fewer pass.
A child younger than 6 years rides free of fear.
Some 40 guests and 3+ dogs came.""",
        """Carts pay 5 USD at the toll house.
Carts pay $6 at the toll house.
Carts pay 5 EUR at the toll house.
Coaches pay 6 EUR at noon.
Coaches pay 6 USD at noon.
Vans pay 7 GBP each way.
Vans pay 7 EUR each way.
Boats pay JPY 800 in spring.
Boats pay USD 800 in spring.
Mules pay ₹90 in autumn.
Mules pay 90 EUR in autumn.
Sheds hold 500 nails.
Sheds hold 600 nails.
Chests hold 24 eggs.
Chests hold 26 eggs.
Barns hold 3,000 beams.
Mines hold 4,000,000 coals.
Seas hold 5,000,000,000 herrings.
Skies hold 6,000,000,000,000 sparks.
Walls have 30 gaps.
Walls have 40 gaps.
Doors have 40 bolts.
Roofs have 50 tiles.
Gates have 60 bars.
Lanes have 70 lamps.
Paths have 80 bends.
Stairs have 90 treads.
Towers have 100 bricks.
Fields have 1,000 stones.
Ponds hold 5,000 carps.
Lakes hold 6,000 pikes.
Bays hold 7,000,000 crabs.
Gulfs hold 8,000,000 clams.
Reefs hold 9,000,000,000 corals.
Oceans hold 2,000,000,000 shrimps.
Ovens bake at 200 °C for 2,700 s.
Ovens bake at 200 °F for 45 min.
Ropes are 2 yards long.
Ropes are 72 inches long.
Ropes are 6 ft long.
Bolts are 5.08 cm wide.
Loads weigh no more than 3,000 kg.
Loads weigh at least 3 tonnes.
Tapes hold 2 bytes a row.
The road is 3 miles long.
The road is 4 miles long.
The road is 3 km long.
The ditch is between 500 and 700 cm wide.
The ditch is 6 m wide.
Rent is 0,125 of 1000 crowns.
Rent is 125 of 1 crowns.
Rent is 3 crowns.
Rates are 1.5 percent or 2500 crowns.
Rates are 15 % or 2.5 crowns.
Codes such as 1.2.3.4 are lists.
Codes such as 1.2.3.5 are lists.
The wagon moves at 30 km/h.
The wagon moves at 30 km.
The wagon moves at 12 m/s.
It takes 24 months.
It takes 1.5 years.
It takes 18 years.
Queues of at most 20 people pass.
Queues of 20 people or more pass.
A child under 6 years rides.
A child over 6 years rides.
Some 40 guests came.
40 guests came.
3 dogs or more came.""",
        "What is paid at {name}?",
    ),
    Topic(
        "the harbour office",
        """The harbour office holds no more than 5 chests of oats.
The old keeper may not only open the vault but lock it.
The pilot who was not able to swim left early, and nobody, neither the cook nor the mate, has ever seldom complained about it.
If the bell rings twice, all boats return unless the fog lifts.
The clerk must never sign, and the crane should always rest.
Every anchor is checked, most ropes are often dry, several flags are sometimes torn.
A licence is required, provided that the boat is longer than 7 m.
The yard is not unsafe, and the dock is not without light.
The gate opens before 6:30 am and closes after 9 pm.
The pier was built between March 1901 and 4 June 1903.
It fails without oil.
The boy cannot and the girl can dive.
Only dry sails, not wet ones, are stored in the loft above the left door below the short mast.
Whether the buoy floats is unclear.
Freight cannot be stored if it is wet or unless it is sealed.
Larger boats pay more, smaller boats pay less.
The lamp is neither hot nor cold, and the water is not warm.
The dues rose in 1999, in May 2001 and until 5 May 2003.""",
        """The harbour office holds no more than 5 chests of oats.
The harbour office holds no more than 6 chests of oats.
The old keeper may not only open the vault but lock it.
The old keeper may not open the vault.
The old keeper may not lock the vault.
The pilot was not able to swim.
Nobody has seldom complained about it.
The cook has not complained about it.
If the bell rings twice, all boats return unless the fog lifts.
All boats return if the bell rings twice.
All boats return unless the bell rings twice.
All boats return if the fog lifts.
The clerk must never sign.
The clerk must not sign.
The clerk may never sign.
The crane should always rest.
The crane should rest.
The crane must always rest.
Every anchor is checked.
All anchors are checked.
Most anchors are checked.
Most ropes are dry.
All ropes are often dry.
Several flags are torn.
Some flags are sometimes torn.
Flags are torn.
A licence is required, provided that the boat is longer than 7 m.
A licence is required if the boat is longer than 7 m.
A licence is required.
A licence is optional, provided that the boat is longer than 7 m.
A licence is required, provided that the boat is shorter than 7 m.
The yard is not unsafe.
The dock is not without light.
The dock is not dark.
The gate opens before 6:30 am.
The gate opens before 06:30.
The gate closes after 21:00.
The gate closes after 9 am.
The gate closes before 9 pm.
The pier was built between March 1901 and June 1903.
The pier was built between March 1901 and 4 June 1903.
The pier was built between 1901 and 1903.
The pier was built between May 1901 and 4 June 1903.
It fails without oil.
It does not fail without oil.
The boy cannot dive.
The girl cannot dive.
Only dry sails, not wet ones, are stored in the loft.
Only dry sails, not wet ones, are stored in the loft above the right door.
Only dry sails, not wet ones, are stored in the loft below the left door.
Dry sails are not stored in the loft.
The buoy floats.
Whether the buoy floats is unclear.
Freight cannot be stored if it is wet.
Freight cannot be stored unless it is wet.
Larger boats pay more.
Larger boats pay less.
Smaller boats pay less.
Smaller boats pay more.
The lamp is not hot.
The water is not warm.
The water is not cold.
The dues rose in 1999.
The dues rose in May 2001.
The dues rose until 5 May 2003.
The dues rose until May 2003.
The dues rose since 5 May 2003.
The dues rose in 2003.""",
        "What is known of {name}?",
    ),
)
