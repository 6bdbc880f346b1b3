"""Hand a document in without Playhead: plain Avro to the inbox, from any Kafka client.

Usage: inbox_producer.py BOOTSTRAP_SERVERS REGISTRY_URL
"""

import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from signing import headers_for

TOPIC = "playhead.inbox.document"
if len(sys.argv) != 3:
    sys.stderr.write("usage: inbox_producer.py BOOTSTRAP_SERVERS REGISTRY_URL\n")
    sys.exit(2)
servers, registry_url = sys.argv[1:]
registry = SchemaRegistryClient({"url": registry_url})
schema = registry.get_latest_version(f"{TOPIC}-value").schema.schema_str
serialize = AvroSerializer(registry, schema, conf={"auto.register.schemas": False})
document = {
    "tenant": "acme",
    "uri": "https://acme.test/opening-hours",
    "media_type": "text/markdown",
    "content": b"# Opening hours\n\nThe shop is open on weekdays from nine to five.",
}
value = serialize(document, SerializationContext(TOPIC, MessageField.VALUE))
producer = Producer({"bootstrap.servers": servers, "acks": "all"})
headers = headers_for(TOPIC, b"acme", value, "acme")
producer.produce(TOPIC, key="acme", value=value, headers=headers)
sys.exit(producer.flush(15))
