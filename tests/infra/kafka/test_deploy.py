"""The topics of production: a file that operators apply, and that is never stale."""

import pytest
import yaml

from infra.kafka import deploy
from streams.log.setup import wanted


def rows():
    return {row["name"]: row for row in yaml.safe_load(deploy.generated())["topics"]}


def test_the_file_says_of_each_topic_what_setup_would_make():
    assert rows() == {
        topic.topic: {
            "name": topic.topic,
            "partitions": topic.num_partitions,
            "replicas": topic.replication_factor,
            "config": {key: str(value) for key, value in topic.config.items()},
        }
        for topic in wanted(deploy.PRODUCTION)
    }


def test_what_is_acknowledged_stands_on_two_of_three_brokers():
    for row in rows().values():
        assert row["replicas"] == 3
        assert row["config"]["min.insync.replicas"] == "2"


def test_a_topic_has_all_lanes_or_one_partition():
    assert {row["partitions"] for row in rows().values()} == {1, deploy.PRODUCTION.partitions}


def test_its_head_says_the_numbers_that_are_in_it():
    assert f"# {deploy.PRODUCTION.partitions} lanes, 3 replicas of which 2" in deploy.HEAD
    assert deploy.generated().startswith(deploy.HEAD)


def test_the_file_is_written_and_then_not_stale(tmp_path, capsys):
    target = tmp_path / "topics.yaml"
    assert deploy.main([], target) == 0
    assert target.read_text() == deploy.generated()
    assert deploy.main(["--check"], target) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", [None, "", deploy.HEAD])
def test_a_stale_file_is_told_with_the_command_and_left_as_it_is(tmp_path, capsys, text):
    target = tmp_path / "topics.yaml"
    if text is not None:
        target.write_text(text)
    assert deploy.main(["--check"], target) == 1
    assert capsys.readouterr().err == (
        "infra/kafka/topics.yaml is stale: run `python -m infra.kafka.deploy`\n"
    )
    assert (target.read_text() if target.exists() else None) == text
