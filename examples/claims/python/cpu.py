"""Two pieces of computation: one alone, both on threads, both in processes. Prints the three times in seconds."""

import os
import sys
import threading
import time

rounds = int(sys.argv[1])


def compute():
    total = 0
    for number in range(rounds):
        total += number * number
    return total


def alone():
    compute()


def threads():
    pair = [threading.Thread(target=compute) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()


def processes():
    pair = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            compute()
            os._exit(0)
        pair.append(child)
    for child in pair:
        os.waitpid(child, 0)


def timed(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print(*(min(timed(f) for _ in range(3)) for f in (alone, threads, processes)), int(gil), flush=True)
