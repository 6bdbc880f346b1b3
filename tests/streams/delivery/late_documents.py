"""Workers that hold a lane of the table of documents one after the other, and rows that come late."""

from streams.delivery.step_tables import DocumentVersions
from tests.streams.fake_tables import table

LANE = 2
CHANGELOG = "playhead.table.documents"


async def takes_over(broker, documents=None):
    """Let a worker take the lane over; a new one, or one that had it before."""
    documents = documents or table(DocumentVersions, broker)[0]
    await documents.fence([LANE])
    documents.apply(documents.changes(documents.known([LANE])))
    return documents


def arrives(broker, message, value=b"-"):
    """Have the broker take what was on its way; or, of the same key, another value."""
    broker.put(
        CHANGELOG,
        message.value() if value == b"-" else value,
        partition=LANE,
        key=message.key(),
        headers=message.headers() or (),
    )
