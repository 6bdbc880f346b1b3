"""Conversation: what a question takes from the turns before it, and what needs no documents."""
