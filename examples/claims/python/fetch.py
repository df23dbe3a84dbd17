"""N requests at once to a server that takes its time: seconds, failures, peak memory, peak address space, threads."""

import asyncio
import resource
import sys
import time

count, port = int(sys.argv[1]), int(sys.argv[2])


async def fetch():
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.0 200"):
        raise ConnectionError("no answer")


async def main():
    start = time.monotonic()
    results = await asyncio.gather(*(fetch() for _ in range(count)), return_exceptions=True)
    took = time.monotonic() - start
    failures = sum(isinstance(result, BaseException) for result in results)
    status = {}
    try:
        with open("/proc/self/status") as file:
            status = dict(line.split(":", 1) for line in file)
    except OSError:
        pass
    size = lambda name: int(status.get(name, "0 kB").split()[0]) * 1024
    print(took, failures, size("VmHWM"), size("VmPeak"), int(status.get("Threads", "0")), flush=True)


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
