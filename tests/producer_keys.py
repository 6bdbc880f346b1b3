"""Keys of producers for tests, and configurations that ask for them."""

from edge.cli.producers import new_key
from schemas import ConfigurationActivated
from streams.log.addressing import address_of
from streams.log.configuration import PRODUCERS, configuration
from streams.log.producer_signature import ProducerSigner, SignedRecord, proof_of
from streams.log.setup import configuration_records
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta


class ProducerKeys:
    """Producers by name, and what is configured of them."""

    def __init__(self, required_from=None):
        self.values = {"keys": {}}
        if required_from is not None:
            self.values["required_from"] = required_from

    def signer(self, tenant, **fields):
        """Make a key for a tenant; returns who signs with it."""
        identity, secret, public = new_key()
        self.values["keys"][identity] = {"tenant": tenant, "public_key": public, **fields}
        return ProducerSigner.of_secret(secret)

    @property
    def configuration(self):
        return configuration(PRODUCERS, self.values)


def must_sign(log, keys):
    """Put on a log that producers must sign, by the keys that are configured."""
    content = keys.configuration
    [record] = configuration_records({PRODUCERS: content})
    log.put(topic_of(record), a_codec().encode(record), key=content.digest.encode())
    chosen = ConfigurationActivated(meta=a_meta(), step=PRODUCERS, digest=content.digest, by="ada")
    log.put(topic_of(chosen), a_codec().encode(chosen), key=PRODUCERS.encode())


def put_signed(log, event, signer=None):
    """Put an event where a producer would, with a signature; without one where `signer` is None."""
    topic, partition, key, headers = address_of(event)
    value = a_codec().encode(event)
    proof = proof_of(signer, SignedRecord(topic, key, value, event.meta.tenant))
    return log.put(topic, value, key=key, partition=partition, headers=[*headers, *proof])
