"""A REST API as a source of documents: tickets of a help desk, page by page, as a dlt resource.

    export PLAYHEAD_SOURCES_CODE=docs/examples HELP_DESK_TOKEN=...
    playhead sources add tickets 'dlt:docs/examples/dlt_rest_api.py#tickets' --tenant acme \
        -o key=id -o title=subject -o text=body -o cursor=updated_at \
        -o arg.url=https://helpdesk.test/api/ -o secret.token=env:HELP_DESK_TOKEN
    playhead sources run tickets --tenant acme

The API answers {"data": [{"id", "subject", "body", "updated_at"}, ...], "next": URL or null}; asked
with updated_since, only what changed from then on. The cursor of the last run comes as `since`.
"""

from dlt.sources.rest_api import rest_api_source


def tickets(url: str, token: str = "", since=None):
    """Return the resource; dlt follows the pages, waits where the API says so, and retries."""
    client = {"base_url": url, "paginator": {"type": "json_link", "next_url_path": "next"}}
    if token:
        client["auth"] = {"type": "bearer", "token": token}
    params = {"per_page": 100} | ({"updated_since": since} if since is not None else {})
    endpoint = {"path": "tickets", "params": params, "data_selector": "data"}
    resource = {"name": "tickets", "endpoint": endpoint}
    return rest_api_source({"client": client, "resources": [resource]}).tickets
