"""Poison on a running stack, while other tenants chat: `make poisons`."""
