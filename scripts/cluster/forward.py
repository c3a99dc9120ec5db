"""Takes connections at 127.0.0.1:PORT of the machine to the API server in the cluster's network namespace.

forward.py NAMESPACE_FILE PORT INNER_PORT. The listening socket stays in the namespace in which it was made;
what is opened after `setns` belongs to the other one.
"""

import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000


async def pump(reader, writer):
    """Copies until the end, then says so to the other side."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(listener, inner_port):
    async def connection(reader, writer):
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(connection, sock=listener)
    await server.serve_forever()


def main():
    namespace, port, inner_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(os.open(namespace, os.O_RDONLY), CLONE_NEWNET):
        sys.exit(f"cannot enter {namespace}: {os.strerror(ctypes.get_errno())}")
    asyncio.run(serve(listener, inner_port))


main()
