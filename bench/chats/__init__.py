"""Many chats at once in one worker process, over a stub model at a known pace.

The chain is the real one, from the redaction of the question to the moderated answer, with the real
runner; the chat model is a stub on a real Triton, and what is retrieved is answered at once by
fakes. So the figures tell what the platform adds, and what it does while a model is waited for.
"""
