"""Sign a record for Playhead, where its operator requires it: a header, from any Kafka client.

The key is what `playhead producers create --tenant T` printed; name its file in PRODUCER_KEY_FILE.
"""

import base64
import hashlib
import os
import pathlib
import secrets
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def headers_for(topic, key, value, tenant):
    """Return the headers of a record: its signature, or none where there is no key."""
    if not (file := os.environ.get("PRODUCER_KEY_FILE")):
        return []
    name, _, seed = pathlib.Path(file).read_text().strip().partition(":")
    signer = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed))
    at_us, nonce = time.time_ns() // 1_000, secrets.token_hex(16)
    digest = hashlib.sha256(value).hexdigest()
    told = ("playhead producer v1", topic, key.hex(), digest, tenant.encode().hex(), at_us, nonce)
    signature = signer.sign("\n".join(map(str, told)).encode())
    text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return [("producer", f"v1 {name} {at_us} {nonce} {text}".encode())]
