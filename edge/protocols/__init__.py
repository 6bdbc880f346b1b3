"""How clients reach the gateway: HTTP with server-sent events, and WebSocket."""
