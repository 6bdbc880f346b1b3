"""Where a stack lives, and how clients are told of it."""

import dataclasses

import pytest

from infra.local.ports import block
from infra.local.site import Site
from streams.settings import Settings


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, block(7000), {})


def test_addresses_are_those_of_the_ports(site):
    assert site.address("gateway") == "127.0.0.1:7000"
    assert site.url("gateway") == "http://127.0.0.1:7000"
    assert site.url("gateway", "/v1/health") == "http://127.0.0.1:7000/v1/health"


@pytest.mark.parametrize(("name", "behind"), [("worker_metrics", 0), ("worker_metrics-3", 2)])
def test_further_workers_have_the_ports_that_follow(site, name, behind):
    assert site.address(name) == f"127.0.0.1:{site.ports['worker_metrics'] + behind}"


def test_what_it_says_of_itself_is_read_by_the_settings(site, tmp_path):
    import json

    (tmp_path / "stack.json").write_text(json.dumps(site.description()))
    read = Settings.load(environment={}, run=tmp_path)
    assert read.kafka == site.address("kafka")
    assert read.registry.startswith(site.url("registry"))
    assert read.weaviate_http == site.url("weaviate")
    assert read.weaviate_grpc == site.address("weaviate_grpc")
    assert read.weaviate_key_file == str(site.weaviate_key_file)
    assert read.triton_grpc == site.address("triton_grpc")
    assert read.gateway == site.url("gateway")


def test_the_key_itself_is_not_told(site):
    site.weaviate_key_file.write_text("s3cr3t")
    assert "s3cr3t" not in str(site.description())


def test_the_tokenizer_is_that_of_the_triton_part_where_there_is_one(site, tmp_path):
    assert site.description()["tokenizer"] == ""
    with_triton = dataclasses.replace(site, parts={"triton": tmp_path / "part"})
    tokenizer = with_triton.description()["tokenizer"]
    assert tokenizer.startswith(str(tmp_path / "part"))
    assert tokenizer.endswith("tokenizer.json")


def test_parts_and_ports_are_told_by_name(site, tmp_path):
    told = dataclasses.replace(site, parts={"kafka": tmp_path / "kafka"}).description()
    assert told["parts"] == {"kafka": str(tmp_path / "kafka")}
    assert told["ports"] == dict(site.ports)


def test_a_worker_that_joins_is_told_of_the_chat_model(site, tmp_path, monkeypatch):
    import json

    monkeypatch.setenv("PLAYHEAD_CHAT_MODEL", "/models/own.gguf")
    monkeypatch.setenv("PLAYHEAD_CHAT_TRUST", "quote")
    (tmp_path / "stack.json").write_text(json.dumps(site.description()))
    read = Settings.load(environment={}, run=tmp_path)
    assert (read.chat_model, read.chat_trust) == ("/models/own.gguf", "quote")
