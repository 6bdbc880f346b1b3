"""What a chat costs beside peers: the same work by pipelines of Haystack and of Quix Streams.

The peers are own code, small, and do what a chat of the platform does as a user meets it: take a
question over HTTP, replace personal data in it, embed it, search the same index by words and
vectors, fill a prompt, have the same model answer and stream its tokens. They keep no log, so what
they can't do (replay, at least once, tenants, checks of what is said) is what the ratio pays for.
"""
