"""Records of steps around a hostile text."""

import json
from contextlib import suppress

from msgspec.structs import replace

from agents import placeholders
from agents.answering import speaking
from agents.errors import Permanent
from agents.routing import Route
from schemas import Ask, ChunksRetrieved, Generated, GeneratedToken, MapEntry, Passage, Sealed
from tests.agents.hostile import ROOM
from tests.fakes import a_meta

CONFIGURED = {file.stem: json.loads(file.read_text()) for file in ROOM.glob("configuration/*.json")}


ANSWERABLE = json.loads((ROOM / "configuration" / "answerable-1.json").read_text())
GENERATION = {**CONFIGURED["generate"], "routes": None, "answerable": ANSWERABLE}
ASKED = "How do I keep the pier or Oslo of May?"
PASSAGE_CHARACTERS = 500
SEALED = Sealed(key="value/d", event="e", field="f", ciphertext=b"")


def passages(*texts, entries=()):
    return tuple(
        Passage(chunk=f"c{n}", document=f"d{n}", version=1, number=0, title=text[:300], uri="", text=text,
                tokens=400, entries=entries)
        for n, text in enumerate(texts)
    )  # fmt: skip


def retrieved(question, *texts, entries=()):
    return ChunksRetrieved(
        meta=a_meta(), outcome="retrieved", subject="u", question=question, query=question, ask=Ask(),
        entries=entries, passages=passages(*texts, entries=entries),
    )  # fmt: skip


def map_of(text, digest):
    return tuple(
        MapEntry(placeholder=name, kind="A", digest=f"{digest}{name}", value=SEALED)
        for name in placeholders.placeholders_in(text)
    )


def speaking_of(made, text, step=4):
    """A few characters at a time, of an answer that the passage supports."""
    ask = made.event.ask
    for schema in ("", "{}"):
        made.event = replace(made.event, ask=replace(ask, response_schema=schema))
        reply, speech = speaking.ModelReply(0), made._speech(Route(name="a", model="a"))
        for at in range(0, len(text), step):
            reply.hear(
                Generated(tokens=(GeneratedToken(text=text[at : at + step], at_us=0),), model="m")
            )
            speech.due(reply.text)
            reply.taken_times()
        reply.broken = len(text) % 2 == 0
        with suppress(Permanent):  # no JSON
            made._closed(made.composition.composed(), reply, speech)
