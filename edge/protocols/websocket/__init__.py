"""The gateway's chat over a WebSocket."""
