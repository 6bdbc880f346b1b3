"""Keys of producers for tests, and configurations that ask for them."""

from edge.cli.producers import new_key
from schemas import ConfigurationActivated
from streams.log.activations import SHIPPED
from streams.log.configuration import PRODUCERS, configuration
from streams.log.producer_signature import ProducerSigner
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

    def put_on(self, log):
        """Have a log in memory hold what is configured, and that it is in force."""
        [made] = configuration_records({PRODUCERS: self.configuration})
        chosen = ConfigurationActivated(
            meta=a_meta(), step=PRODUCERS, digest=made.digest, previous=SHIPPED
        )
        for record, key in ((made, made.digest), (chosen, PRODUCERS)):
            log.put(topic_of(record), a_codec().encode(record), key=key.encode())
