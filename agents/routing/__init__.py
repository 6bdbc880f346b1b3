"""Routing: which model answers, decided from the configuration and recorded facts alone.

`routes.py` reads what is configured, `permission.py` leaves out what may not be asked whatever its
health, `choosing.py` puts the rest in order by how it fares, `trials.py` compares a new model with
the one that it may replace, and `router.py` is what a step uses of it all.
"""

from agents.routing.router import Router
from agents.routing.routes import Route, Routes, routes_of

__all__ = ["Route", "Router", "Routes", "routes_of"]
