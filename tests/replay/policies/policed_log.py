"""A short conversation under policies, run by the real steps over canned models, in memory."""

from bench.synthetic.builder import synthetic_settings
from edge.requests.building import RequestBuilder
from schemas import Ask
from tests.golden.canned_world import Oddities
from tests.golden.driving import Drive
from tests.golden.policed_talks import PAGES, QUESTIONS, ROUTES

TENANT = "moor"


class PolicedLog:
    """Documents, and questions by readers of some groups."""

    def __init__(self, place):
        self.place = place
        self.settings = synthetic_settings(place / "run")
        self.drive = Drive(self.settings, Oddities({}, {}))
        self.requests = RequestBuilder(self.settings, self.drive.keyring, edge="gateway")
        self._count = 0

    @property
    def log(self):
        return self.drive.log

    async def submit(self, tenant=TENANT):
        for uri, (text, metadata) in PAGES.items():
            self._count += 1
            await self.drive.put(
                self.requests.document(
                    tenant,
                    uri=uri,
                    content=text.encode(),
                    media_type="text/markdown",
                    metadata=metadata,
                    fingerprint=f"d{self._count}",
                )
            )

    def go_by(self, policy):
        self._count += 1
        self.drive.configure(
            self.place / f"configured-{self._count}",
            policy={"cedar": policy} if policy else {},
            generate={"routes": {"routes": ROUTES}},
        )

    async def ask(self, text=QUESTIONS[1], tenant=TENANT, **ask):
        """Ask, and return the id of the request."""
        self._count += 1
        event = self.requests.question(
            tenant,
            user="ada",
            text=text,
            session=f"s{self._count}",
            fingerprint=f"q{self._count}",
            ask=Ask(**{"deadline": 0, **ask}),
        )
        self.written = await self.drive.put(event)
        return event.meta.request
