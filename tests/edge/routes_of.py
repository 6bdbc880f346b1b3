"""The routes of an application."""

from starlette.routing import Mount, WebSocketRoute


def routes_of(app):
    """Method and path of each route: WS for a WebSocket, ANY for what is mounted; HEAD goes with GET."""
    return [name for route in app.routes for name in _names(route)]


def _names(route):
    if isinstance(route, WebSocketRoute):
        methods = {"WS"}
    elif isinstance(route, Mount) or route.methods is None:  # an application of its own
        methods = {"ANY"}
    else:
        methods = (
            route.methods - {"HEAD"} or route.methods
        )  # one of HEAD alone is a route of its own
    return [f"{method} {route.path}" for method in sorted(methods)]
