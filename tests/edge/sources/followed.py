"""A tenant whose sources are followed over a log in memory; each desk stands for a process of its own."""

from __future__ import annotations

from connectors.keyring import Keyring
from edge.requests.publishing import RequestPublisher
from edge.sources.source_desk import SourceDesk
from edge.sources.source_history import RunWish
from edge.sources.source_log import SourceLog
from schemas import DocumentSeen, DocumentSubmitted, DocumentWithdrawn, SourceRan
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec
from tests.memory_broker import MemoryWriter, a_broker

CODEC = a_codec()


class FollowedTenant:
    """The log, the keys and the sources of a tenant."""

    def __init__(self, folder, tenant="acme", broker=None, **settings):
        self.broker = broker or a_broker()
        self.tenant = tenant
        self.settings = Settings(run=folder, **settings)
        self.keyring = Keyring(self.settings)

    def desk(self, writer=None, **given):
        """Open the tenant's sources anew: nothing but the log is known."""
        writer = writer or MemoryWriter(self.broker)
        log = SourceLog(self.settings, CODEC, consumer=self.broker.consumer(), writer=writer)
        publisher = RequestPublisher(self.settings, CODEC, client="test", writer=writer)
        given = {"room": lambda _lane: None, "keyring": self.keyring, **given}
        return SourceDesk(self.settings, self.tenant, log=log, publisher=publisher, **given)

    def add(self, name, location, *, chunk_policy="procedural", groups=(), rate=0.0, **options):
        with self.desk() as desk:
            told = {"chunk_policy": chunk_policy, "groups": groups, "rate": rate, "by": "jane"}
            return desk.add(name, str(location), options, **told)

    def run(self, name, **wish):
        with self.desk() as desk:
            return desk.run(desk.configured(name), RunWish(**wish))

    def remove(self, name, *, withdraw=False):
        with self.desk() as desk:
            return desk.remove(desk.configured(name), withdraw=withdraw, by="jane")

    def published(self, record):
        """Return what lies on the log of a record type, in order."""
        rows = [
            message
            for (topic, _), lane in sorted(self.broker.rows.items())
            if topic == topic_of(record)
            for message in lane.messages
        ]
        return [CODEC.decode(message.value(), record) for message in rows]

    @property
    def submitted(self):
        return self.published(DocumentSubmitted)

    @property
    def withdrawn(self):
        return self.published(DocumentWithdrawn)

    @property
    def seen(self):
        return self.published(DocumentSeen)

    @property
    def ran(self):
        return self.published(SourceRan)

    def texts(self):
        """Return what each document holds now, by uri, as an ingest that follows the log has it."""
        texts = {}
        events = sorted([*self.submitted, *self.withdrawn], key=lambda event: event.meta.at)
        for event in events:
            if isinstance(event, DocumentSubmitted):
                content = self.keyring.unseal(self.tenant, event.content)
                texts[event.document] = (event.uri, content.decode("utf-8", "replace"))
            else:
                texts.pop(event.document, None)
        return dict(texts.values())


def counts(report):
    """Return what a run counted, without what there was none of."""
    return {outcome: number for outcome, number in report.counts.items() if number}
