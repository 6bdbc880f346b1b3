"""A proxy that speaks TLS before what does not, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.certificates import CertificateFiles

CHUNK = 65_536


@contextmanager
def behind_tls(
    address: str,
    own: CertificateFiles,
    *,
    clients_of: Path | None = None,
    protocols: tuple[str, ...] = (),
) -> Iterator[str]:
    """Serve an address behind TLS; yields HOST:PORT, whose host the certificate has.

    With `clients_of`, an authority's file, none is let in without a certificate that it signed.
    `protocols` are agreed on within the handshake: gRPC asks for h2.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.private_key)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    host, _, port = address.rpartition(":")
    loop = asyncio.new_event_loop()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_copied(reader, back), _copied(there, writer))

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result()
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
