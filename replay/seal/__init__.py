"""Seal: Merkle trees over partitions, signed checkpoints, and proofs that need no Playhead.

leaves       a record as it lies on the broker -> the bytes that are hashed
merkle       RFC 6962: roots, proofs of inclusion and of consistency, and how they are checked
tiles        the hashes of a tree in files of the C2SP tlog-tiles layout
note         C2SP signed notes: Ed25519 over a text
checkpoint   C2SP tlog-checkpoint: origin, size and root of a tree, in a signed note
seal_folder  where trees, checkpoints and public keys lie; `archived` takes them along
sealer       lets the trees grow and signs them; `signing_key`, `put_checkpoints`
audit        a partition against its checkpoints; `known_checkpoints`, `audit_report`
receipt      one record, proved to anybody; `proving`
audit_cli    the verbs; audit_options what they share, receipt_cli those about single records
"""
