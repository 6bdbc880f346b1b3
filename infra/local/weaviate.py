"""How Weaviate is started: a cluster of one, on the loopback alone, behind a key of its own."""

import secrets

from connectors.local_files import write_secret
from infra.local.ports import HOST, Ports
from infra.local.site import Launch, Site

KEY_BYTES = 32
USER = "playhead"
SETTINGS = {
    "DEFAULT_VECTORIZER_MODULE": "none",
    "DISABLE_TELEMETRY": "true",
    # 1.35's block-max word search drops chunks written within the last minute (its PR 11780)
    "USE_INVERTED_SEARCHABLE": "false",
    "GO_PROFILING_DISABLE": "true",
    "LOG_LEVEL": "warning",
    "GOMEMLIMIT": "512MiB",
}


def access_key(site: Site) -> str:
    """Return the key of Weaviate's API; made once a run folder, readable by its owner only."""
    path = site.weaviate_key_file
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(KEY_BYTES).encode())
    return path.read_text().strip()


def launch(site: Site) -> Launch:
    """Say how to start it, on data in the run folder."""
    data = site.run / "weaviate"
    data.mkdir(exist_ok=True)
    environment = {
        **SETTINGS,
        **_access(access_key(site)),
        **_cluster(site.ports),
        "PERSISTENCE_DATA_PATH": str(data),
        "GRPC_PORT": str(site.ports["weaviate_grpc"]),
    }
    program = str(site.parts["weaviate"] / "weaviate-server")
    flags = ["--scheme", "http", "--host", HOST, "--port", str(site.ports["weaviate"])]
    return Launch([program, *flags], environment)


def _access(key: str) -> dict[str, str]:
    """Let in who has the key, with all rights, and nobody else."""
    return {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": key,
        "AUTHENTICATION_APIKEY_USERS": USER,
        "AUTHORIZATION_ADMINLIST_ENABLED": "true",
        "AUTHORIZATION_ADMINLIST_USERS": USER,
        "CLUSTER_BASIC_AUTH_USERNAME": USER,
        "CLUSTER_BASIC_AUTH_PASSWORD": key,
    }


def _cluster(ports: Ports) -> dict[str, str]:
    """Make a cluster of one, that talks to itself on the loopback alone."""
    return {
        "CLUSTER_HOSTNAME": "node1",
        "CLUSTER_ADVERTISE_ADDR": HOST,
        "CLUSTER_BIND_ADDR": HOST,
        "CLUSTER_GOSSIP_BIND_PORT": str(ports["weaviate_gossip"]),
        "CLUSTER_DATA_BIND_PORT": str(ports["weaviate_data"]),
        "RAFT_BOOTSTRAP_EXPECT": "1",
        # nobody is there to hold an election against: 1 s instead of 5 s until it leads itself
        "RAFT_TIMEOUTS_MULTIPLIER": "1",
        "RAFT_PORT": str(ports["weaviate_raft"]),
        "RAFT_INTERNAL_RPC_PORT": str(ports["weaviate_raft_rpc"]),
    }
