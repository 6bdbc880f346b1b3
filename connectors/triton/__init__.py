"""Triton: answers Embed, Generate and Classify with the models that a Triton server holds.

When the server dies, what it was answering fails as Transient, and the next call connects again by
itself. `connector.py` answers the requests, `moderator.py` Classify; `tensors.py` spells them,
`arrivals.py` holds what arrives of a generation, and `failures.py` says which errors pass.
"""

from connectors.triton.connector import Triton

__all__ = ["Triton"]
