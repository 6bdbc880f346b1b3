"""`playhead dead-letters …`: what could not be processed; list it, look at it, put it back.

A retry publishes the original bytes once more, on the same topic, key and lane. They keep their id
and lineage, so the step runs again as if nothing had been there, and its outcomes supersede those
of the rejected run by a higher attempt. A header names that run (see `delivery.history`): a letter
that is put back twice runs once.
"""

from streams.operations.dead_letters.verbs import dead_letters

__all__ = ["dead_letters"]
