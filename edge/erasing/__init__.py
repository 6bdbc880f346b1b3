"""Asking for a person to be erased: who is meant, what speaks against it, and how far it is."""
