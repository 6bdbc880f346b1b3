"""The gateway over HTTP: routes, and what every response has in common."""
