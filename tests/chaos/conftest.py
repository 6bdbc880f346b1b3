import pytest

from tests.chaos.memory_log import MemoryLog


@pytest.fixture
def log():
    log = MemoryLog()
    log.answer(log.ask("r-1"))
    log.answer(log.ask("r-2"))
    log.index(log.submit("r-d"))
    return log
