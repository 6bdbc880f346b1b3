"""How Weaviate is started: on the loopback, behind a key of the run folder's own."""

import pytest

from infra.local import weaviate
from infra.local.ports import HOST, block
from infra.local.site import Site

PORTS = block(7000)


@pytest.fixture
def site(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    return Site(run, PORTS, {"weaviate": tmp_path / "part"})


def test_the_key_is_made_once_a_run_folder_and_its_owners_alone(site, tmp_path):
    key = weaviate.access_key(site)
    assert len(key) > weaviate.KEY_BYTES
    assert weaviate.access_key(site) == key
    assert site.weaviate_key_file.stat().st_mode & 0o777 == 0o600
    other = Site(tmp_path, PORTS, {})
    assert weaviate.access_key(other) != key


def test_a_key_that_an_operator_has_put_there_is_kept(site):
    site.weaviate_key_file.write_text("theirs\n")
    assert weaviate.access_key(site) == "theirs"


def test_nobody_gets_in_without_the_key(site):
    environment = weaviate.launch(site).environment
    key = weaviate.access_key(site)
    assert environment["AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"] == "false"
    assert environment["AUTHENTICATION_APIKEY_ENABLED"] == "true"
    assert environment["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] == key
    assert environment["CLUSTER_BASIC_AUTH_PASSWORD"] == key
    assert (
        environment["AUTHENTICATION_APIKEY_USERS"] == environment["AUTHORIZATION_ADMINLIST_USERS"]
    )


def test_the_key_is_no_word_of_the_command_line_which_anyone_can_read(site):
    launch = weaviate.launch(site)
    assert weaviate.access_key(site) not in " ".join(launch.argv)


def test_it_listens_on_the_loopback_alone(site):
    launch = weaviate.launch(site)
    assert launch.argv[0].startswith(str(site.parts["weaviate"]))
    assert launch.argv[launch.argv.index("--host") + 1] == HOST
    assert launch.argv[launch.argv.index("--port") + 1] == str(PORTS["weaviate"])
    for name in ("CLUSTER_ADVERTISE_ADDR", "CLUSTER_BIND_ADDR"):
        assert launch.environment[name] == HOST


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("GRPC_PORT", "weaviate_grpc"),
        ("CLUSTER_GOSSIP_BIND_PORT", "weaviate_gossip"),
        ("CLUSTER_DATA_BIND_PORT", "weaviate_data"),
        ("RAFT_PORT", "weaviate_raft"),
        ("RAFT_INTERNAL_RPC_PORT", "weaviate_raft_rpc"),
    ],
)
def test_each_of_its_ports_is_one_of_the_stacks(site, name, port):
    assert weaviate.launch(site).environment[name] == str(PORTS[port])


def test_its_data_lies_in_the_run_folder_and_outlives_a_start(site):
    for _ in range(2):
        folder = weaviate.launch(site).environment["PERSISTENCE_DATA_PATH"]
        assert folder == str(site.run / "weaviate")
    assert (site.run / "weaviate").is_dir()


def test_it_tells_nobody_about_us(site):
    assert weaviate.launch(site).environment["DISABLE_TELEMETRY"] == "true"
