"""The edge: requests in, answers out.

From the outside inwards, as the contract in pyproject.toml holds it:

* `cli/`: the verbs; `client/`: the gateway as its clients see it
* `protocols/`: HTTP with server-sent events, WebSocket, OpenAI's interface, MCP, GraphQL, what
  describes them, and the process that serves them
* `gateway/`: what the protocols call, put together of parts that each do one thing
* `answering/`: from the records of a request to what its reader is sent
* `load/`: what new work is taken in at all
* `callers/`: who calls, and what they may do and see
* `listening/`: what the log tells, remembered and handed to whoever waits
* `requests/`: what is asked, checked and sealed, and its ways onto the log
* `problems`: the one shape in which the edge says that something went wrong
"""
