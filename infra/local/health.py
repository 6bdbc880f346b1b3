"""Asking a component whether it is there for what it is there for: an open port proves nothing."""

import http.client
import json
import socket
from pathlib import Path

TIMEOUT_S = 2.0


def http_ok(address: str, path: str) -> bool:
    """Whether GET `path` at host:port says 200."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def kafka_ok(address: str) -> bool:
    """Whether a broker hands out metadata in which it stands itself."""
    host, _, port = address.rpartition(":")
    try:
        # librdkafka would try for long where nobody listens
        socket.create_connection((host, int(port)), TIMEOUT_S).close()
    except OSError:
        return False
    # here, because `playhead --help` should not load librdkafka
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=TIMEOUT_S).brokers)
    except KafkaException:
        return False


def says_ready(path: Path, pid: int) -> bool:
    """Whether the process wrote its id into its ready file, and that it is not stuck."""
    try:
        said = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return (
        isinstance(said, dict) and said.get("pid") == pid and said.get("state", "ready") == "ready"
    )
