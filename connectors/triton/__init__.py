"""Triton: answers Embed and Classify, and for `connectors.providers` Generate, with its models.

When the server dies, what it was answering fails as Transient, and the next call connects again by
itself. `triton_server.py` holds a connection, `connector.py` answers the requests, `moderator.py`
Classify; `embedder_client.py` serves who asks for vectors from outside a step; `tensors.py` spells
requests, `stream_answers.py` reads what a generation answers, and `failures.py` says which errors
pass.
"""

from connectors.triton.connector import Triton

__all__ = ["Triton"]
