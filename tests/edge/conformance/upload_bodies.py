"""How schemathesis sends parts of uploads: as the bytes that they are."""

import schemathesis

from edge.protocols.http.uploads import PART_TYPE

schemathesis.serializer.alias(PART_TYPE, "application/octet-stream")
