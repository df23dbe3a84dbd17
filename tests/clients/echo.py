"""A hundred asyncio clients against the echo server: each gets a mebibyte back, byte for byte.

Some write in odd pieces, some half-close before they read, some are reset in the middle, one stops reading for good.
"""

import asyncio
import os
import socket
import struct
import sys

PORT = int(sys.argv[1])
SIZE = 1 << 20


async def whole(number):
    """Writes and reads at once; every third client half-closes as soon as it has written."""
    data = os.urandom(SIZE)
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)

    async def send():
        at, size = 0, 1
        while at < SIZE:
            writer.write(data[at : at + size])
            await writer.drain()
            at, size = at + size, size * 3 % 30011 + 1
        if number % 3 == 0:
            writer.write_eof()

    sending = asyncio.create_task(send())
    answer = await (reader.read(-1) if number % 3 == 0 else reader.readexactly(SIZE))
    await sending
    assert answer == data, f"client {number} got something else back"
    writer.close()


async def reset(number):
    """Breaks off with a reset while bytes are under way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(os.urandom(50_000))
    await reader.readexactly(100)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def stalled():
    """Sends until nothing goes any more, and never reads."""
    client = socket.create_connection(("127.0.0.1", PORT))
    client.settimeout(0.2)
    try:
        while True:
            client.send(bytes(65536))
    except TimeoutError:
        return client


async def main():
    silent = await asyncio.to_thread(stalled)
    clients = [whole(number) for number in range(100)] + [reset(number) for number in range(20)]
    await asyncio.gather(*clients)
    silent.close()
    print("ok: Python, 100 x 1 MiB beside 20 resets and one client that never reads")


asyncio.run(main())
