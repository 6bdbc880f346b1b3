"""The log that verify's rate is measured on is one that verify accepts."""

from collections import Counter

from bench.synthetic.builder import Builder
from connectors.keyring import Keyring
from replay.verify import Verifier
from schemas import Begin, Digest, Unseal
from streams.settings import Settings


async def test_the_synthetic_log_verifies_and_spreads_over_lanes(tmp_path):
    settings = Settings(run=tmp_path)  # no tokenizer, so nothing is ingested
    log = await Builder(settings).build(conversations=6, documents=6)
    keyring = Keyring(settings)
    local = {r: h for r, h in keyring.handlers().items() if r.EFFECT == "local"}
    assert {Digest, Unseal} <= set(local)
    assert Begin not in local
    report = await Verifier(log, local, keyring.digest_key).verify()
    assert report.diverged == []
    assert report.equal == report.records > 6 * 4 * 20
    lanes = Counter(lane for topic, lane in log.extents() if topic == "playhead.question.asked")
    assert len(lanes) > 1
    await keyring.close()
