import pytest

from tests.chaos.chain_log import ChainLog


@pytest.fixture
def log():
    log = ChainLog()
    log.answer(log.ask("r-1"))
    log.answer(log.ask("r-2"))
    log.index(log.submit("r-d"))
    return log
