"""The real server over a gateway, and a client that has it told to stop."""

import os
import signal
import threading
import time

from edge.protocols.serving import Server


def be_told():
    """Have the server of this process told to stop."""
    os.kill(os.getpid(), signal.SIGTERM)


def serve_until_told(gateway, client):
    """Serve while a client, given the address, runs on a thread; return what it returned."""
    server = Server(gateway, "127.0.0.1", 0)
    returned = []

    def be_client():
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            returned.append(client(f"127.0.0.1:{port}"))
        finally:
            if not gateway.stopping:
                be_told()

    before = signal.signal(signal.SIGTERM, lambda *_: None)  # as `serve` does
    thread = threading.Thread(target=be_client)
    thread.start()
    try:
        server.run_until_told()
    finally:
        thread.join(60)
        signal.signal(signal.SIGTERM, before)
    [what] = returned
    return what
