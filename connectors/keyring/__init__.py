"""The keyring: keys of people, documents and values, and the sealing of text with them.

Each (tenant, name) has a random key of its own: `user/<keyed digest of the user>` for messages,
`document/<document id>` for text before redaction, `value/<keyed digest of the value>` for the
entries of redaction maps. A key is stored wrapped (AES-256-GCM) by the master key, which stands in
PLAYHEAD_MASTER_KEY (base64 of 32 bytes) or in a file of mode 0600.

A destroyed key leaves its name behind: what was sealed with it is known to be erased, and no key of
that name is ever made again. Other processes learn of it within FRESH_S.

`connector.py` answers the requests, by `sealing.py`; the keys lie in `store.py`, wrapped by
`master_key.py`, and in memory in `ciphers.py`.
"""

from connectors.keyring.connector import Keyring

__all__ = ["Keyring"]
