"""The contract: every record on the log and every request of a step, as Avro and as typed Python.

The `.avsc` files under `avro/` are the source of truth; `records.py` (types) and `wire.py` (their
encoding) are generated from them.
"""

from schemas import compiled, records
from schemas.prepared_types import prepared
from schemas.record import Record, Request, StreamRequest
from schemas.records import *  # noqa: F403 - the generated module lists its names in __all__
from schemas.records import __all__ as _records

__all__ = ["Record", "Request", "StreamRequest", *_records]  # noqa: PLE0604 - generated

prepared(
    *(one for one in vars(records).values() if isinstance(one, type) and issubclass(one, Record))
)

# whoever imports the encoding imports this package first
compiled.use(__path__)  # noqa: F405 - every package has it
