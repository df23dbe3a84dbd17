"""Starting a server of the examples, and looking at it from outside: what it says, its descriptors, how it ends."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

TARGET = Path(os.environ["CARGO_TARGET_DIR"]).resolve()
PLACE = TARGET / "clients"
BINARIES = TARGET / "release"


class Server:
    """A server on a free port, stopped at the end of a `with`."""

    def __init__(self, binary, *arguments, environment=None, address="127.0.0.1:0"):
        command = [BINARIES / binary, *([address] if address else []), *map(str, arguments)]
        self.lines = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        cwd=PLACE, env={**os.environ, **(environment or {})})
        self.address = None
        self.reader = threading.Thread(target=self._read, args=(binary,), daemon=True)
        self.reader.start()
        if address:
            eventually(lambda: self.address, f"{binary} does not listen: {self.lines}")
            self.port = int(self.address.rsplit(":", 1)[1])
        self.descriptors_at_start = self.descriptors()

    def _read(self, binary):
        with open(PLACE / f"{binary}.log", "w") as log:
            for line in self.process.stdout:
                self.lines.append(line.rstrip("\n"))
                log.write(line)
                log.flush()
                found = re.search(r"listening on \S*?([\d.]+:\d+)", line)
                if found and not self.address:
                    self.address = found[1]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Resident memory, in KiB."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def said(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def is_back_to_its_beginning(self):
        """As many descriptors as before the first client."""
        eventually(lambda: self.descriptors() <= self.descriptors_at_start,
                   lambda: f"{self.descriptors()} descriptors, at start {self.descriptors_at_start}")

    def stop(self, how=signal.SIGTERM, within=15):
        self.process.send_signal(how)
        code = self.process.wait(within)
        self.reader.join(5)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def eventually(condition, otherwise, within=10):
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.01)


def run(*command, within=60, code=0, **options):
    """What a command prints. It must end in time and with this code."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL if "input" not in options else None,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=within, cwd=PLACE, **options)
    output = done.stdout if isinstance(done.stdout, str) else done.stdout.decode("utf-8", "replace")
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{output}"
    return output
