"""The command lines of what runs on Java."""

import subprocess

import pytest

from infra.local import java
from infra.local.parts import all_parts


@pytest.mark.stack
def test_storage_can_be_formatted_for_a_cluster_whose_id_begins_with_a_dash(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    properties = tmp_path / "server.properties"
    java.kafka_properties(properties, 9092, 9093, data)
    part = all_parts()["kafka"]
    if not part.place.exists():
        pytest.skip("Kafka is not installed yet: make setup")
    subprocess.run(
        java.kafka_format(properties, "-" + "A" * 21), cwd=part.place, check=True, timeout=60
    )
    assert "cluster.id=-AAAA" in (data / "meta.properties").read_text()
