"""Which secrets of the environment a component inherits."""

import pytest

from infra.local import components
from infra.local.inherited import MASTER_KEY, without_secrets
from infra.local.ports import block
from infra.local.site import Site
from streams.variables import VARIABLES, variable

SECRETS = {variable(entry.name): "secret" for entry in VARIABLES if entry.secret}
PLAIN = {"PATH": "/bin", "PLAYHEAD_KAFKA": "127.0.0.1:9092"}


def test_nobody_inherits_a_secret_that_is_not_named():
    assert MASTER_KEY[0] in SECRETS
    assert without_secrets({**PLAIN, **SECRETS}) == PLAIN
    kept = without_secrets({**PLAIN, **SECRETS}, but=MASTER_KEY)
    assert kept == {**PLAIN, MASTER_KEY[0]: "secret"}


@pytest.mark.parametrize(
    ("name", "opens"), [("gateway", True), ("worker", True), ("topics", False)]
)
def test_who_opens_the_key_store_gets_the_master_key(tmp_path, name, opens):
    names = frozenset({"kafka", "registry", "worker", "gateway"})
    every = {component.name: component for component in components.select(names)}
    launch = every[name].launch(Site(tmp_path, block(7000), {}))
    assert launch.secrets == (MASTER_KEY if opens else ())
