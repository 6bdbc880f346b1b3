"""The edge: requests in, answers out.

From the outside inwards:

* `http/`, `websocket/`: the protocols; `cli/`: the verbs; `client`, `sse`: what clients need
* `gateway`: what the protocols call, put together of parts that each do one thing
* in: `callers` (who), `requests` (what, checked by `limits` and sealed), `reception` (onto the
  log), `publishing`, `idempotency`; `producer` and `inbox` are the other two ways in
* refused: `admission`, by `backlog` (what waits on the log), `unanswered` and `slots`
* remembered: `log_reader` hands `entries` to `catalogue` and to whoever waits
* out: `following` (until the answer is closed), `answering/` (records to frames), `access` (what
  this caller may see), `timeline`
* `serving` puts all of it on the real components
"""
