"""A short conversation about a mill, run by the real steps over canned models, in memory; and the same models to ask again."""

import asyncio
from functools import partial

from bench.synthetic.builder import synthetic_settings
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from replay.configurations import Configurations
from replay.local_effects import local_handlers
from replay.selection import Selection
from replay.whatif.asking_again import AskingAgain, question_of
from replay.whatif.asking_options import RecordedQuestions
from replay.whatif.chain_walk import ChainWalker
from replay.whatif.finished_work import FinishedWork
from replay.whatif.outside import CallCaps, Outside
from replay.whatif.recorded_chains import recorded_chains
from replay.whatif.settings_changed import ChangedSettings, wishes_of
from schemas import Ask
from streams.log.codec import Codec
from streams.running.world import World
from tests.golden.canned_world import Oddities, Script
from tests.golden.driving import Drive

TENANT = "mill"
PAGES = {
    "rota.md": "# Rota\n\nThe mill opens at nine in the morning. Mina keeps the spare key of the mill.",
    "looms.md": "# Looms\n\nThe warranty of a loom lasts two years. A shuttle costs twelve euros.",
    "town.md": "# Town\n\nThe mill stands in Lantern. The mill of Lantern grinds rye and oats.",
}
OPENS, KEY, SHUTTLE, WHERE, SAFE = (
    "When does the mill open?",
    "Who keeps the spare key of the mill, Orla Quist asks",
    "What does a shuttle of a loom cost?",
    "Where does the mill of Lantern stand?",
    "What is harmful about a loom?",
)
PEOPLE = {
    "Mina": ("PERSON", 0.85),
    "Orla Quist": ("PERSON", 0.85),
    "Lantern": ("LOCATION", 0.9),
}
SCRIPTS = {
    OPENS: Script(("The mill opens at nine", " in the morning.")),
    SHUTTLE: Script(("A shuttle costs twelve euros.",)),
    WHERE: Script(("The mill stands in Lantern.",)),
}
ROUTES = {
    "routes": [
        {
            "name": "chat",
            "model": "chat",
            "trust": "phrase",
            "input_price": 1_000,
            "output_price": 2_000,
        },
        {"name": "second", "model": "second", "quality": 2, "trust": "phrase"},
    ]
}


class MillTalk:
    """A log of questions about a mill, and what asks them again."""

    def __init__(self, place):
        self.place = place
        self.settings = synthetic_settings(place / "run")
        self.models = Oddities(PEOPLE, SCRIPTS)
        self.drive = Drive(self.settings, self.models)
        self.drive.configure(place / "configured", generate={"routes": ROUTES})
        self._requests = RequestBuilder(self.settings, self.drive.keyring, edge="gateway")
        self.requests = {}
        self.works = 0

    async def hold(self, *questions, user="ada"):
        for uri, text in PAGES.items():
            document = self._requests.document(
                TENANT, uri=uri, content=text.encode(), media_type="text/markdown", fingerprint=uri
            )
            await self.drive.put(document)
        for number, text in enumerate(questions):
            event = self._requests.question(
                TENANT,
                user=user,
                text=text,
                session=f"s{number}",
                fingerprint=f"q{number}",
                ask=Ask(deadline=0),
            )
            await self.drive.put(event)
            self.requests[text] = event.meta.request
        return self

    @property
    def log(self):
        return self.drive.log

    def erase(self, user="ada"):
        keyring = Keyring(self.settings)
        for key in keyring.keys(TENANT):
            if key.startswith("user/"):
                keyring.destroy(TENANT, key)

    def questions(self, settings=None, **told):
        """Read the questions as the command does."""
        codec = Codec(self.log.ids)
        local, keyring = local_handlers(settings or self.settings)
        recall = {kind: one for kind, one in keyring.handlers().items() if kind not in local}
        values = Configurations(self.log, codec).values
        chains = recorded_chains(self.log, codec, Selection(), **told)
        return RecordedQuestions(
            codec, {**recall, **local}, keyring.digest_key, values, tuple(chains)
        )

    def world(self, *connectors):
        return World(connectors or (self.models,), 60)

    def outside(self, questions, *connectors, calls_max=None, cost_max=None):
        caps = CallCaps(calls_max, cost_max)
        world = partial(self.world, *connectors)
        return Outside(questions.local, world, caps, backoff_s=0)

    def asking(self, *said, questions=None, work=None):
        """Return what asks again with something changed, and its work."""
        questions = questions or self.questions()
        wished = wishes_of(said)
        changed = ChangedSettings(wished, questions.values)
        asked = question_of(changed, questions.chains, {"set": list(said)})
        self.works += 1
        folder = work or self.place / f"work-{self.works}"
        kept = FinishedWork(folder, asked)
        return AskingAgain(questions, changed, kept, wished.anew), questions, kept

    async def what_if(self, *said, live=True, questions=None, **caps):
        """Ask all again; return what was found by question, and the run."""
        again, questions, kept = self.asking(*said, questions=questions)
        await again.estimate()
        run = None
        if live:
            run = await again.ask(self.outside(questions, **caps))
        kept.close()
        found = {one.request_id: one for one in again.findings()}
        return {text: found[name] for text, name in self.requests.items()}, run

    def walker(self, questions, *said, world=None, outside=None, **how):
        changed = ChangedSettings(wishes_of(said), questions.values)
        return ChainWalker(
            questions.codec,
            questions.digest_key,
            outside or Outside(questions.local, world, backoff_s=0),
            changed,
            **how,
        )


def held(place, *questions):
    """Return a talk that was held, for a fixture of a module."""

    async def hold():
        return await MillTalk(place).hold(*questions)

    return asyncio.run(hold())
