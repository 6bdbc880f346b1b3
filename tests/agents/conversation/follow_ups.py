"""Follow-ups of the kind that people ask: own sentences, written before the rules that they judge.

Judged by words: the stand-alone query must hold all of `holds` (of alternatives parted by "|" one)
and none of `lacks`, whatever the case. The documents are those of the demo and of common packages.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FollowUp:
    """A question amid a conversation, and how its query is judged."""

    turns: tuple[tuple[str, str], ...]
    """Query and answer of each turn before, oldest first."""
    question: str
    holds: str
    """Words or, with "_" for a space, phrases."""
    lacks: str = ""

    def right(self, query: str) -> bool:
        """Tell whether a query says what was meant."""
        low = query.casefold().replace("_", " ")
        wanted = all(
            any(one.replace("_", " ").casefold() in low for one in word.split("|"))
            for word in self.holds.split()
        )
        return wanted and not any(
            word.replace("_", " ").casefold() in low for word in self.lacks.split()
        )


BOOMS = (
    "Where are the absorbent booms kept?",
    "The absorbent booms are kept in the red shed beside the fuel pier; they were laid out within twelve minutes.",
)
OFFICER = ("Who is the duty officer?", "The duty officer is <PERSON_1>.")
BERTH = (
    "What does a berth cost for a vessel of ten metres?",
    "A berth for a vessel of up to ten metres costs 28 euros a night.",
)
PIER = (
    "When does the fuel pier open in May?",
    "The fuel pier opens at six in the morning from May to September.",
)
REFRACTOR = (
    "When was the large refractor built?",
    "The large refractor has a lens of thirty centimetres and was built in 1911.",
)
DISH = ("How wide is the radio dish?", "The radio dish is four metres wide.")
TICKETS = (
    "What does a ticket cost?",
    "A ticket costs 9 euros for adults and 4 euros for children under twelve.",
)
WORKER = (
    "What happens when a worker dies?",
    "When a worker dies, its lanes are taken over by another worker within ten seconds.",
)
CACHES = (
    "Which kinds of caches are there?",
    "There are three kinds of caches:\n1. The memory cache\n2. The disk cache\n3. The shared cache",
)
FORMATS = (
    "Which archive formats can I export to?",
    "You can export to Parquet, Avro or JSON Lines.",
)
PERMIT = (
    "How do I apply for a parking permit?",
    "A parking permit is applied for at the town hall.",
)
PASSPORT = ("Where do I renew a passport?", "A passport is renewed at the police station.")

FOLLOW_UPS = (
    FollowUp((BOOMS,), "How quickly were they laid out?", "booms laid_out"),
    FollowUp((BOOMS,), "Who put them there?", "booms", "them_there"),
    FollowUp((OFFICER,), "How can I reach her?", "<PERSON_1>", "her"),
    FollowUp((OFFICER,), "Who is her deputy?", "<PERSON_1>'s deputy"),
    FollowUp((BERTH,), "And for fifteen metres?", "berth cost fifteen_metres", "ten_metres"),
    FollowUp((BERTH,), "Is electricity included?", "electricity included"),
    FollowUp((BERTH,), "What about electricity?", "electricity berth"),
    FollowUp((PIER,), "And in winter?", "fuel_pier open winter", "May"),
    FollowUp((PIER,), "When does it close?", "fuel_pier close", "_it_"),
    FollowUp((PIER,), "How can I pay there?", "pay fuel_pier"),
    FollowUp((REFRACTOR,), "Was it ever restored?", "large_refractor restored", "lens_of"),
    FollowUp((REFRACTOR,), "How big is its lens?", "refractor's lens"),
    FollowUp((REFRACTOR, DISH), "Can visitors steer it?", "radio_dish steer", "refractor"),
    FollowUp((DISH,), "What frequency does it listen to?", "radio_dish frequency"),
    FollowUp((TICKETS,), "And for students?", "ticket cost students"),
    FollowUp((TICKETS,), "Where can I buy one?", "ticket buy"),
    FollowUp((TICKETS, DISH), "Who is the harbour master?", "harbour_master", "dish ticket"),
    FollowUp((BOOMS, TICKETS), "Are dogs allowed?", "dogs allowed", "booms"),
    FollowUp((WORKER,), "How can I avoid that?", "avoid worker dies", "("),
    FollowUp((WORKER,), "Why?", "why worker dies|taken_over"),
    FollowUp((WORKER,), "How long does that take?", "how_long taken_over|lanes|worker"),
    FollowUp((CACHES,), "How large is the second one?", "disk_cache large", "memory shared one"),
    FollowUp((CACHES,), "And the last one?", "shared_cache", "disk memory"),
    FollowUp((CACHES,), "How do I clear the first?", "memory_cache clear", "disk"),
    FollowUp((FORMATS,), "Is the first one compressed?", "Parquet compressed", "Avro JSON"),
    FollowUp((FORMATS,), "What is the difference between them?", "difference Parquet Avro JSON"),
    FollowUp((FORMATS,), "What is a lane?", "lane", "Parquet export"),
    FollowUp((PASSPORT, PERMIT), "When does it expire?", "parking_permit expire", "passport"),
    FollowUp((PERMIT,), "No, I meant a fishing licence.", "apply fishing_licence", "parking"),
    FollowUp((PERMIT,), "No, a residence permit", "apply residence_permit", "parking meant"),
    FollowUp(
        (("How do I export to Parquet or Avro?", "To Parquet: playhead export --parquet."),),
        "No, I meant the other one.",
        "Avro export",
        "Parquet other",
    ),
    FollowUp((PERMIT,), "Hi again! How long does it take?", "parking_permit how_long"),
    FollowUp(
        (("Was kostet ein Liegeplatz?", "Ein Liegeplatz kostet 28 Euro pro Nacht."),),
        "Ist Strom darin enthalten?",
        "Strom Liegeplatz",
    ),
    FollowUp(
        (("Wann öffnet der Tankpier im Mai?", "Der Tankpier öffnet im Mai um sechs Uhr."),),
        "Und im Winter?",
        "Tankpier öffnet Winter",
        "Mai",
    ),
    FollowUp(
        (("Was kostet ein Liegeplatz?", "Ein Liegeplatz kostet 28 Euro pro Nacht."),),
        "Wer ist der Hafenmeister von Nordhafen?",
        "Hafenmeister Nordhafen",
        "Liegeplatz",
    ),
    FollowUp(
        (("Où se trouve le hangar rouge ?", "Le hangar rouge se trouve près du quai."),),
        "Quand est-il ouvert ?",
        "hangar_rouge ouvert",
    ),
    FollowUp(
        (("¿Cuánto cuesta un billete para Lisboa?", "El billete para Lisboa cuesta 20 euros."),),
        "¿Y para Oporto?",
        "cuesta billete Oporto",
        "Lisboa",
    ),
    FollowUp(
        (("停车证怎么申请?", "停车证在市政厅申请。"),),
        "它什么时候过期?",
        "停车证 过期",
    ),
    FollowUp(
        (("東京の営業時間は何時ですか?", "東京の営業時間は九時から五時までです。"),),
        "大阪は?",
        "大阪 営業時間",
        "東京",
    ),
    FollowUp(
        (("주차권은 어디에서 신청하나요?", "주차권은 시청에서 신청합니다."),),
        "그것은 언제 만료되나요?",
        "주차권 만료",
    ),
)

BUOY = (
    "What happened to buoy seven?",
    "On 14 March buoy seven broke from its chain in a gale and drifted into the fairway.",
)
WASTE = (
    "How do I dispose of waste water?",
    "The pumping station stands at the end of pier three. It is free of charge.",
)
SWIM = (
    "Is swimming allowed in the harbour?",
    "Swimming is allowed only in basin four, between the yellow markers.",
)
GROUP = (
    "How many people may a group have?",
    "A group may have at most eighteen people, because the dome holds no more.",
)
BUS = (
    "When does the last bus leave?",
    "The last bus to the observatory leaves the railway station at half past eight.",
)
CELERY = (
    "How do I retry a failed task in Celery?",
    "Call self.retry in the task, or set autoretry_for on it.",
)
REQ = (
    "How do I set a timeout in requests?",
    "Pass the timeout parameter to requests.get, in seconds.",
)
LIC = (
    "What does the Apache License say about patents?",
    "Each contributor grants you a patent license.",
)
TAR = ("What does tar -x do?", "It extracts files from an archive.")
MOD = ("Which scopes can a token have?", "A token can have the scopes read, write and admin.")
ENV = ("What is PLAYHEAD_RUN?", "PLAYHEAD_RUN names the folder of a run.")
LATER = (
    FollowUp((BUOY,), "Was anyone hurt?", "hurt"),
    FollowUp((BUOY,), "Who towed it in?", "towed buoy_seven", "_it_"),
    FollowUp((BUOY,), "Why did it break?", "buoy_seven break", "_it_"),
    FollowUp((WASTE,), "Where is the key to it?", "key pumping_station|waste_water"),
    FollowUp((WASTE,), "Does it cost anything?", "cost pumping_station|waste_water"),
    FollowUp((SWIM,), "And diving?", "diving harbour|allowed"),
    FollowUp((SWIM,), "Why only there?", "why swimming|basin"),
    FollowUp((GROUP,), "How do they reserve?", "group reserve"),
    FollowUp((GROUP, BUS), "Where does it stop?", "bus stop", "group"),
    FollowUp((BUS,), "And the first one?", "first bus"),
    FollowUp((CELERY,), "How many times?", "retry|task how_many_times"),
    FollowUp((CELERY,), "And in RQ?", "retry task RQ", "Celery"),
    FollowUp((REQ,), "What is the default?", "default timeout"),
    FollowUp((REQ,), "What about httpx?", "timeout httpx"),
    FollowUp((REQ, CELERY), "What is a broker?", "broker", "timeout requests"),
    FollowUp((LIC,), "And the MIT license?", "MIT_license patents", "Apache"),
    FollowUp((LIC,), "Does it allow commercial use?", "Apache_License commercial_use"),
    FollowUp((TAR,), "And tar -c?", "tar_-c|-c", "-x"),
    FollowUp((TAR,), "Does it overwrite existing ones?", "tar overwrite"),
    FollowUp((MOD,), "What does the last one allow?", "admin allow"),
    FollowUp((MOD,), "What can I do with the second?", "write"),
    FollowUp((ENV,), "Where do I set it?", "PLAYHEAD_RUN set", "_it?"),
    FollowUp((ENV,), "No, I meant PLAYHEAD_GGUF", "PLAYHEAD_GGUF", "PLAYHEAD_RUN"),
    FollowUp((ENV, TAR), "Thanks! And how do I list the contents?", "list contents", "PLAYHEAD"),
    FollowUp(
        (
            (
                "Wie viele Personen darf eine Gruppe haben?",
                "Eine Gruppe darf höchstens achtzehn Personen haben.",
            ),
        ),
        "Und warum?",
        "warum gruppe|personen",
    ),
    FollowUp(
        (
            (
                "Wie viele Personen darf eine Gruppe haben?",
                "Eine Gruppe darf höchstens achtzehn Personen haben.",
            ),
        ),
        "Wie kann sie reservieren?",
        "reservieren gruppe",
    ),
    FollowUp(
        (("Combien coûte un billet pour adultes ?", "Un billet coûte 9 euros."),),
        "Et pour les enfants ?",
        "billet enfants",
        "adultes",
    ),
    FollowUp(
        (("¿Dónde está la estación de bombeo?", "La estación está al final del muelle tres."),),
        "¿Cuándo abre?",
        "abre estación",
    ),
    FollowUp((("电台天线有多宽?", "电台天线宽四米。"),), "它什么时候建造的?", "电台天线 建造"),
    FollowUp(
        (("会費はいくらですか?", "会費は年に九千円です。"),), "それはいつ払いますか?", "会費 払"
    ),
)
"""Written when the rules stood, and judged once before what they showed was mended: 22 of 30 by eye."""
