"""Load: questions that arrive whether or not earlier ones were answered, and what that did.

load_arrivals when questions come: a rate, or a recorded trace
load_askers  one question over WebSocket, server-sent events or OpenAI's API, with its times
open_loop    asks at the times of the arrivals, and never waits for an answer before the next one
load_report  percentiles, errors, rates, CPU
load_page    the same as one page with plots
"""
