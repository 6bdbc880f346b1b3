"""Keeps what runs on this machine reachable where the environment names a proxy.

Without that, gRPC and HTTP clients ask the proxy for 127.0.0.1, which it can't reach, or should
not.
"""

from collections.abc import Mapping

OWN = ("127.0.0.1", "localhost")
VARIABLES = ("no_proxy", "NO_PROXY")  # gRPC reads the first alone, others either
GRPC_VARIABLE = "no_grpc_proxy"  # where it is set, gRPC reads no other


def without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables which say that this machine itself is reached directly.

    What the user excepted stays excepted; "*" excepts all.
    """
    excepted = [
        address.strip()
        for name in VARIABLES
        for address in environment.get(name, "").split(",")
        if address.strip()
    ]
    both = ",".join(dict.fromkeys([*excepted, *OWN]))
    result = dict.fromkeys(VARIABLES, "*" if "*" in excepted else both)
    if grpc := environment.get(GRPC_VARIABLE):
        result[GRPC_VARIABLE] = ",".join(dict.fromkeys([*grpc.split(","), *OWN]))
    return result
