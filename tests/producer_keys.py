"""Keys of producers for tests, and configurations that ask for them."""

from edge.cli.producers import new_key
from streams.log.configuration import PRODUCERS, configuration
from streams.log.producer_signature import ProducerSigner


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
