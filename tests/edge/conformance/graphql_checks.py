"""What schemathesis holds answers of GraphQL to: it loads this module by SCHEMATHESIS_HOOKS."""

import schemathesis


@schemathesis.check
def problems_are_the_askers(_context, response, _case):
    """An operation may be refused, in the shape of all refusals; ours alone is an error of the server's."""
    assert response.status_code < 500, response.text
    for error in response.json().get("errors", ()):
        told = error["extensions"]
        assert told["type"].startswith("urn:playhead:problem:"), told
        assert told["status"] < 500, told
