"""Follow a stream of changes as Debezium writes it: each row a document, by way of the inbox.

    change_stream.py BOOTSTRAP_SERVERS REGISTRY_URL TOPIC TENANT KEY_COLUMN TEXT_COLUMN

A change is {"before", "after", "op"}: c created, u updated, d deleted, r read in a snapshot, alone or
in "payload" (JSON, with schemas or without). Offsets are committed once the inbox has what was read, so
nothing is lost, and what is read again has the same idempotency key, so nothing is taken in twice.
"""

import json
import sys
from urllib.parse import quote

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from signing import headers_for

INBOX = "playhead.inbox.document"
IDLE_S = 5.0
"""The example ends when nothing came for so long; a service goes on."""


def record_of(message, tenant, key, text):
    """Return the inbox's record for a change; None for what is none (a tombstone, say)."""
    change = json.loads(message.value()) if message.value() else None
    change = change.get("payload", change) if change else None
    if not change or "op" not in change:
        return None
    gone = change["op"] == "d"
    row = change["before"] if gone else change["after"]
    return {
        "tenant": tenant,
        "uri": f"{message.topic()}/{quote(str(row[key]), safe='')}",
        "media_type": "text/plain",
        "content": b"" if gone else str(row[text] or "").encode(),
        "withdrawn": gone,
        # where the change lies is what tells it from all others
        "idempotency_key": f"{message.topic()}:{message.partition()}:{message.offset()}",
    }


def main():
    if len(sys.argv) != 7:
        sys.exit(f"usage: {__doc__.splitlines()[2].strip()}")
    servers, registry_url, topic, tenant, key, text = sys.argv[1:]
    registry = SchemaRegistryClient({"url": registry_url})
    schema = registry.get_latest_version(f"{INBOX}-value").schema.schema_str
    serialize = AvroSerializer(registry, schema, conf={"auto.register.schemas": False})
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True})
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"change-stream-{topic}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    told = 0
    while batch := consumer.consume(100, IDLE_S):
        for message in batch:
            if message.error():
                raise KafkaException(message.error())
            if (record := record_of(message, tenant, key, text)) is not None:
                value = serialize(record, SerializationContext(INBOX, MessageField.VALUE))
                # one document's changes stay in order: they have one key
                headers = headers_for(INBOX, record["uri"].encode(), value, tenant)
                producer.produce(INBOX, key=record["uri"], value=value, headers=headers)
                told += 1
        if producer.flush(30):
            sys.exit("the broker did not take all of it: run it again")
        consumer.commit(asynchronous=False)
    consumer.close()
    print(f"{told} changes handed to the inbox")


if __name__ == "__main__":
    main()
