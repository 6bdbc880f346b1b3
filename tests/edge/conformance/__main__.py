"""Hold the interfaces to their standards for as long as wanted: `make conformance`.

Without an address, a gateway is served here whose steps answer at once, so that all the time goes to the edge.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path

from tests.edge.conformance import interfaces
from tests.edge.conformance.fuzzing import SCOPES, fuzz, fuzz_graphql, script
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import FakeLog, a_gateway, a_key

GRAPHQL_SHARE = 6  # one part in so many of the time goes to GraphQL


def served(folder):
    """Serve a gateway on a thread; returns its address, a key and what ends it."""
    begun = Future()

    async def serve():
        log = FakeLog()
        gateway = a_gateway(Path(folder), log)
        log.answer = script(gateway)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serving(gateway) as server:
            key = a_key(gateway, scopes=SCOPES)
            begun.set_result(
                (f"http://{address_of(server)}", key, lambda: loop.call_soon_threadsafe(stop.set))
            )
            await stop.wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    return begun.result(60)


def told(what, status, output):
    sys.stdout.write(f"{what}: {'no violation' if status == 0 else 'violations'}\n")
    lines = output.splitlines()
    sys.stdout.write("".join(f"  {one}\n" for one in (lines[-25:] if status == 0 else lines)))


def main(words):
    given = argparse.ArgumentParser(prog="make conformance")
    given.add_argument("--seconds", type=int, default=600, help="for all requests together")
    given.add_argument("--seed", type=int, default=random.randrange(2**31))
    given.add_argument("--url", help="of a gateway that runs, such as http://127.0.0.1:8000")
    given.add_argument("--key", help="for it, with the scopes read, write and review")
    options = given.parse_args(words)
    if bool(options.url) != bool(options.key):
        given.error("an address needs a key, and a key an address: give --url and --key")
    sys.stdout.write(f"seed {options.seed}\n")
    faulty = interfaces.main()
    sys.stdout.write("openapi.json, asyncapi.json: " + ("faulty\n" if faulty else "valid\n"))
    with tempfile.TemporaryDirectory() as folder:
        url, key, stop = (options.url, options.key, lambda: None) if options.url else served(folder)
        graphql_s = max(1, options.seconds // GRAPHQL_SHARE)
        http_s = max(1, options.seconds - graphql_s)
        http = fuzz(f"{url}/openapi.json", key, "--max-time", str(http_s), seed=options.seed)
        told("HTTP", *http)
        graphql = fuzz_graphql(url, key, "--max-time", str(graphql_s), seed=options.seed)
        told("GraphQL", *graphql)
        stop()
    return 1 if faulty or http[0] or graphql[0] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
