"""The course's examples that only wait, with asyncio: a line `name seconds` each, all of them on one loop."""

import asyncio
import time


class TokenBucket:
    """As the course has it, with its mistake (R1): the time slept is credited again."""

    def __init__(self, rate):
        self.rate = rate
        self.tokens = rate
        self.last_check = time.monotonic()
        self.lock = asyncio.Lock()

    async def acquire(self):
        async with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.last_check) * self.rate)
            self.last_check = now
            if self.tokens < 1:
                await asyncio.sleep((1 - self.tokens) / self.rate)
                self.tokens = 0
            else:
                self.tokens -= 1


async def gathered():
    await asyncio.gather(*(asyncio.sleep(1) for _ in range(3)))


async def fan_out():
    await asyncio.gather(*(asyncio.sleep(t) for t in (0.12, 0.1, 0.15)))


async def semaphore():
    slots = asyncio.Semaphore(2)

    async def fetch(took):
        async with slots:
            await asyncio.sleep(took)

    await asyncio.gather(*(fetch(t) for t in (1.0, 1.0, 1.0, 1.0, 0.5)))


async def five_clients():
    async def handle(reader, writer):
        data = await reader.read(100)
        await asyncio.sleep(1)
        writer.write(data)
        await writer.drain()
        writer.close()

    async def client(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("Ohé !".encode())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(client(port) for _ in range(5)))
    server.close()


async def limiter():
    bucket = TokenBucket(5)
    for _ in range(20):
        await bucket.acquire()


async def timed(function):
    start = time.monotonic()
    await function()
    print(function.__name__, time.monotonic() - start, flush=True)


async def main():
    await asyncio.gather(*(timed(f) for f in (gathered, fan_out, semaphore, five_clients, limiter)))


asyncio.run(main())
