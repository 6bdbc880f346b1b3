"""Following sources of documents: what changed is handed in, what is gone is withdrawn.

The state of a source is a view over the log: what it is (SourceConfigured), which version of each
of its documents was seen last (DocumentSeen), how its runs went (SourceRan).
"""
