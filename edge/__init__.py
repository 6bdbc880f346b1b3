"""The edge for people and programs: HTTP, server-sent events and WebSocket over the log."""
