"""OpenAI's own client, unmodified, with a gateway on a port."""

import openai
import pytest

from tests.edge.conftest import address_of
from tests.edge.fake_log import a_key


@pytest.fixture
async def client(served, gateway):
    """One that retries nothing of its own accord, but where a test says so."""
    async with openai.AsyncOpenAI(
        base_url=f"http://{address_of(served)}/v1", api_key=a_key(gateway), max_retries=0
    ) as client:
        yield client
