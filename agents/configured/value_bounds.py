"""Bounds of configured values: what every field of one kind may be."""

from __future__ import annotations

from typing import Annotated

import msgspec

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1_000)]
Coefficient = Annotated[float, msgspec.Meta(ge=-1_000, le=1_000)]
"""Of a logistic curve."""
WithinMs = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
"""As long as a question may take at most."""
Amount = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
AmountOrNone = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Size = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
"""In bytes, or of what a question asks for."""
Limit = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Of requests, tokens, documents or bytes; what any reader of JSON can hold."""
TermName = Annotated[str, msgspec.Meta(pattern=r"^[\w][\w. /:-]{0,99}\Z")]
ReaderText = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
"""What a reader is told."""
PatternText = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
ListedText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""A term of a list."""
DigestPrefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{24,64}\Z")]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
KeyName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")]
PublicKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}=\Z")]
"""Of Ed25519, in base64url."""
FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
LanguageTag = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}\Z")]
ByLanguage = dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}\Z")], ReaderText]
"""Language (ISO 639) -> text."""
