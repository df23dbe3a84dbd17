"""An echo server with asyncio streams: a coroutine a client, as in the course. Ends when its standard input does."""

import asyncio
import os
import resource
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


async def handle(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
threading.Thread(target=end_with_parent, daemon=True).start()
asyncio.run(main())
