"""What steps rely on of keys, tables and the detector: the fakes keep it as the real ones do."""

from functools import partial

import pytest

from agents.errors import KeyDestroyed
from connectors.keyring import Keyring
from connectors.presidio.connector import Presidio
from schemas import (
    Detect,
    Digest,
    DocumentState,
    KnownValue,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    RecallValues,
    ReleaseState,
    RememberValues,
    Seal,
    SealItem,
    Unseal,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.delivery.step_tables import DocumentVersions, PlaceholderNumbers, Releases
from streams.running.world import Call
from streams.settings import Settings
from tests.agents.fake_services import FakeDetector, FakeKeys, FakeRow
from tests.streams.fake_tables import table

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=7)


class Asked:
    """Asks a fake, or the handlers of a real one; each time on behalf of an event of its own."""

    def __init__(self, one):
        self.one = one
        self._events = 0

    async def __call__(self, request):
        if hasattr(self.one, "answers"):
            return self.one.answers()[type(request)](request)
        self._events += 1
        call = Call(**{**vars(CALL), "event": f"e-{self._events}"})
        return await self.one.handlers()[type(request)](request, call)


# ---------------------------------------------------------------------- keys


def destroyed_in_fake(keys, key):
    keys.destroyed.add(key)


def destroyed_in_store(keys, key):
    assert keys.destroy("acme", key)


@pytest.fixture(params=["fake", "real"])
def keys(request, tmp_path):
    if request.param == "fake":
        made = FakeKeys()
        return Asked(made), partial(destroyed_in_fake, made)
    made = Keyring(Settings(run=tmp_path))
    return Asked(made), partial(destroyed_in_store, made)


def seal(*values, key="value/1"):
    return Seal(values=tuple(SealItem(key=key, event="e", field="f", value=v) for v in values))


async def test_what_was_sealed_is_unsealed_again_in_its_order(keys):
    ask, _ = keys
    values = (b"Ada", b"", b"\x00\xff")
    sealed = (await ask(seal(*values))).values
    assert [(one.key, one.event, one.field) for one in sealed] == [("value/1", "e", "f")] * 3
    assert sealed[0].ciphertext != b"Ada"
    assert (await ask(Unseal(values=sealed))).values == values


async def test_the_same_value_is_sealed_alike_again(keys):
    ask, _ = keys
    assert await ask(seal(b"Ada")) == await ask(seal(b"Ada"))


async def test_a_value_has_one_digest_and_another_has_another(keys):
    ask, _ = keys
    one, again, other = (await ask(Digest(values=(b"a", b"a", b"b")))).digests
    assert one == again != other
    assert (await ask(Digest(values=(b"a",)))).digests == (one,)
    assert len(one) == 64
    assert int(one, 16) >= 0


async def test_under_a_key_that_was_destroyed_nothing_is_sealed_or_unsealed(keys):
    ask, destroy = keys
    before = (await ask(seal(b"Ada"))).values
    destroy("value/1")
    with pytest.raises(KeyDestroyed):
        await ask(seal(b"Ada"))
    with pytest.raises(KeyDestroyed):
        await ask(Unseal(values=before))
    assert (await ask(seal(b"Bob", key="value/2"))).values


async def test_what_documents_mention_is_recalled_by_its_first_kind_in_the_order_asked(keys):
    ask, _ = keys
    some = [KnownValue(digest="1", kind="PERSON"), KnownValue(digest="2", kind="AGE")]
    assert await ask(RememberValues(values=tuple(some))) == Written()
    await ask(RememberValues(values=(KnownValue(digest="1", kind="AGE"),)))
    recalled = await ask(RecallValues(digests=("3", "2", "1", "2")))
    assert recalled.values == (some[1], some[0])
    assert (await ask(RecallValues(digests=()))).values == ()


async def test_a_word_is_readable_that_documents_leave_and_none_has_as_a_name(keys):
    ask, _ = keys
    await ask(RememberValues(values=(), readable=("1", "2"), named=("3", "2")))
    await ask(RememberValues(values=(), readable=("2", "3", "4", "5"), named=("5",)))
    await ask(RememberValues(values=(KnownValue(digest="4", kind="AGE"),)))
    recalled = await ask(RecallValues(digests=(), words=("9", "5", "4", "1", "3", "2", "1")))
    assert (recalled.readable, recalled.values) == (("1",), ())
    assert (await ask(RecallValues(digests=("1",)))).readable == ()


# ---------------------------------------------------------------------- rows

ROWS = {
    "documents": (
        DocumentVersions,
        FakeRow(ReadDocument, WriteDocument, DocumentState()),
        ReadDocument(document="d"),
        [WriteDocument(document="d", state=DocumentState(version=n)) for n in (1, 2)],
    ),
    "placeholders": (
        PlaceholderNumbers,
        FakeRow(ReadPlaceholders, WritePlaceholders, Placeholders()),
        ReadPlaceholders(scope="s"),
        [WritePlaceholders(scope="s", state=Placeholders())],
    ),
    "releases": (
        Releases,
        FakeRow(ReadRelease, WriteRelease, ReleaseState()),
        ReadRelease(batch=1),
        [WriteRelease(state=ReleaseState(batch=0, released="t"))],
    ),
}


@pytest.mark.parametrize("fake", [True, False])
@pytest.mark.parametrize("name", ROWS)
async def test_what_was_written_is_what_is_read_next(name, fake):
    kind, row, read, writes = ROWS[name]
    ask = Asked(row if fake else table(kind)[0])
    assert await ask(read) == type(writes[0].state)()
    for write in writes:
        assert await ask(write) == Written()
        assert await ask(read) == write.state


# ---------------------------------------------------------------------- the detector


@pytest.fixture(params=["fake", "real"])
def detector(request, tmp_path):
    if request.param == "fake":
        return Asked(FakeDetector({"EMAIL_ADDRESS": r"\S+@\S+\.com"}))
    return Asked(Presidio(Settings(run=tmp_path)))


async def test_of_each_text_it_is_told_where_what_stands(detector):
    texts = ("", "Write to ada@example.com today.", "Nothing.")
    detected = await detector(Detect(texts=texts))
    assert detected.model
    found = [
        [(text[one.start : one.end], one.kind) for one in of.spans if one.kind == "EMAIL_ADDRESS"]
        for text, of in zip(texts, detected.texts, strict=True)
    ]
    assert found == [[], [("ada@example.com", "EMAIL_ADDRESS")], []]
    assert all(0 < one.score <= 1 for of in detected.texts for one in of.spans)
