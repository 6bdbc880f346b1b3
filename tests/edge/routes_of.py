"""The routes of an application, however it came by them."""

from starlette.routing import Mount, WebSocketRoute


def routes_of(app):
    """Method and path of each route: WS for a WebSocket, ANY for what is mounted; HEAD goes with GET."""
    return [name for route in _flat(app.routes) for name in _names(route)]


def _flat(routes, prefix=""):
    for route in routes:
        if hasattr(route, "path"):
            yield prefix, route
        else:  # a router that was included
            yield from _flat(route.original_router.routes, prefix + route.include_context.prefix)


def _names(found):
    prefix, route = found
    if isinstance(route, WebSocketRoute):
        methods = {"WS"}
    elif isinstance(route, Mount) or route.methods is None:  # an application of its own
        methods = {"ANY"}
    else:
        methods = (
            route.methods - {"HEAD"} or route.methods
        )  # one of HEAD alone is a route of its own
    return [f"{method} {prefix}{route.path}" for method in sorted(methods)]
