"""HTTP, TLS, axum and Redis. Each function is one check; its name says what must hold, what it returns is printed beside it."""

import http.client
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from ecosystem_server import BINARIES, PLACE, Server, eventually, run


def no_errors(output):
    """Of wrk and h2load, which end with 0 whatever happens."""
    assert "Socket errors" not in output and "Non-2xx" not in output, output
    if "succeeded" in output:
        total, succeeded = re.search(r"(\d+) total.* (\d+) succeeded, 0 failed, 0 errored, 0 timeout", output).groups()
        assert total == succeeded and f"{total} 2xx" in output, output
        return re.search(r"finished in \S+ ([\d.]+ req/s)", output)[1]
    return re.search(r"Requests/sec:\s+([\d.]+)", output)[1] + " req/s"


def curl_speaks_both_versions():
    with Server("server") as server:
        url = f"http://{server.address}"
        for flag, version in (("--http1.1", "HTTP/1.1 200"), ("--http2-prior-knowledge", "HTTP/2 200")):
            answer = run("curl", "-si", "-m5", flag, f"{url}/")
            assert answer.startswith(version) and answer.endswith("Hello from myrt\n"), answer
        body = PLACE / "body"
        body.write_bytes(bytes(i * i % 251 for i in range(3_000_000)))
        for flag in ("--http1.1", "--http2-prior-knowledge"):
            run("curl", "-s", "-m20", flag, "--data-binary", f"@{body}", "-o", "echoed", f"{url}/echo")
            assert (PLACE / "echoed").read_bytes() == body.read_bytes(), "the body changed on its way"
        assert run("curl", "-s", "-m5", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/nothing") == "404"
        server.is_back_to_its_beginning()


def our_client_speaks_both_versions_and_keeps_its_limit():
    with Server("server") as server:
        client, url = BINARIES / "client", f"http://{server.address}"
        assert "Hello from myrt" in run(client, f"{url}/")
        assert "HTTP/2.0 200" in run(client, "--http2", f"{url}/")
        start = time.monotonic()
        assert "no answer within 200ms" in run(client, "--timeout", "0.2", f"{url}/slow?5000", code=1)
        assert time.monotonic() - start < 1


def clients_with_slow_headers_are_cut_off():
    beginnings = (b"", b"G", b"P", b"PRI * HTTP/2", b"GET / HTTP/1.1\r\nHost: x\r\n")
    with Server("server", "--header-timeout", "1") as server:
        for beginning in beginnings:
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                start = time.monotonic()
                client.sendall(beginning)
                client.settimeout(5)
                try:
                    rest = client.recv(1000)
                except ConnectionResetError:
                    rest = b""
                took = time.monotonic() - start
                assert rest == b"" and 0.9 < took < 2, f"{beginning}: {rest} after {took:.2f} s"
        # A byte now and then does not help; others are served meanwhile.
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            start = time.monotonic()
            try:
                for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Drip: " + b"a" * 200:
                    client.send(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                pass
            took = time.monotonic() - start
            assert 0.9 < took < 2.5, f"cut after {took:.2f} s"
        assert "Hello" in run("curl", "-s", "-m5", f"http://{server.address}/")
        server.is_back_to_its_beginning()


def names_and_literals_are_resolved():
    """By the system's resolver: no `dig`, no network. The server listens on IPv4 alone, so `localhost` may take two attempts."""
    with Server("server") as server:
        client = BINARIES / "client"
        for host in ("127.0.0.1", "localhost"):
            assert "Hello from myrt" in run(client, f"http://{host}:{server.port}/")
        missing = run(client, f"http://no-such-host.invalid:{server.port}/", code=1)
        assert "no-such-host.invalid" in missing or "lookup" in missing or "not known" in missing, missing
        server.is_back_to_its_beginning()
        return missing.strip().splitlines()[-1]


def a_parent_hands_its_socket_over():
    """As systemd would: the socket is descriptor 3, and clients that come before the server wait in its queue."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        early = socket.create_connection(listener.getsockname())
        early.sendall(b"GET / HTTP/1.0\r\n\r\n")
        # The shell, which the server replaces, knows the process id.
        command = ["sh", "-c", 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0"', str(BINARIES / "server")]
        process = subprocess.Popen(command, preexec_fn=lambda: os.dup2(listener.fileno(), 3), pass_fds=[3],
                                   cwd=PLACE, stdout=subprocess.PIPE, text=True)
        try:
            early.settimeout(10)
            answer = b"".join(iter(lambda: early.recv(4096), b""))
            assert answer.endswith(b"Hello from myrt\n"), answer
            host, port = listener.getsockname()
            assert f"listening on http://{host}:{port}" in process.stdout.readline()
            assert "Hello from myrt" in run("curl", "-s", "-m5", f"http://{host}:{port}/")
        finally:
            process.terminate()
        assert process.wait(15) == 0


def wrk_is_spread_over_four_workers():
    with Server("workers") as server:
        output = run("wrk", "-t2", "-c60", "-d2s", f"http://{server.address}/")
        rate = no_errors(output)
        assert server.stop() == 0
        shares = [int(line.split()[2]) for line in server.said("^worker .* answered$")]
        total = int(re.search(r"(\d+) requests in", output)[1])
        assert len(shares) == 4 and min(shares) > 0 and sum(shares) >= total, (shares, total)
        return f"{rate}, {shares}"


def a_worker_that_panics_comes_back_and_the_others_go_on():
    def ask(path="/"):
        return re.fullmatch(r"worker (\d), restarted (\d+) times\n", run("curl", "-s", "-m5", f"http://{server.address}{path}")).groups()

    with Server("workers") as server:
        wrk = subprocess.Popen(["wrk", "-t2", "-c60", "-d3s", f"http://{server.address}/"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        dead = ask("/panic")[0]
        # Connections are spread by chance: after a hundred of them each worker has been met.
        met = {ask() for _ in range(100)}
        assert met == {(str(n), "1" if str(n) == dead else "0") for n in range(4)}, met
        output = wrk.communicate(timeout=30)[0]
        # The connections of the worker that died are cut, once each; no other is, and none is refused.
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
        cut = sum(map(int, errors.groups())) if errors else 0
        assert cut < 60 and "Non-2xx" not in output and (not errors or errors[1] == "0"), output
        assert len(server.said("panicked|a client asked for it")) >= 1, server.lines
        assert server.stop() == 0
        return f"worker {dead} died, {cut} connections were cut"


def wrk_and_h2load_have_no_errors():
    with Server("server") as server:
        url = f"http://{server.address}/"
        one = no_errors(run("wrk", "-t1", "-c100", "-d3", url))
        two = no_errors(run("h2load", "-c50", "-m20", "-n200000", url))
        no_errors(run("h2load", "--h1", "-c50", "-n100000", url))
        server.is_back_to_its_beginning()
        return f"HTTP/1.1 {one}, HTTP/2 {two}"


def shutdown_finishes_what_was_begun():
    """Slow requests of both versions are under way when the server is told to stop."""
    with Server("server") as server:
        url = f"http://{server.address}/slow?800"
        ask = ("curl", "-s", "-m10", "-o", "/dev/null", "-w", "%{http_code}")
        with ThreadPoolExecutor(60) as pool:
            versions = ["--http1.1", "--http2-prior-knowledge"] * 30
            answers = [pool.submit(run, *ask, version, url) for version in versions]
            time.sleep(0.5)
            assert server.stop() == 0
            assert all(answer.result() == "200" for answer in answers), [answer.result() for answer in answers]
        assert "60 requests begun, 60 finished" in server.lines[-1], server.lines


def shutdown_under_load_drops_no_answer():
    """What the server has finished, its clients have received: 40 of them, asking without a pause while it is told to stop."""
    with Server("server") as server:

        def ask():
            received = 0
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                while True:
                    connection.request("GET", "/slow?3")
                    answer = connection.getresponse()
                    assert answer.read() == b"That took a while\n"
                    received += 1
                    if answer.will_close:
                        return received
            except (ConnectionError, http.client.RemoteDisconnected):
                return received  # the request crossed the end, and was not begun

        with ThreadPoolExecutor(40) as pool:
            clients = [pool.submit(ask) for _ in range(40)]
            time.sleep(1.5)
            assert server.stop() == 0
            received = [client.result() for client in clients]
        begun, finished = map(int, re.search(r"(\d+) requests begun, (\d+) finished", server.lines[-1]).groups())
        assert begun == finished == sum(received), f"{begun} begun, {finished} finished, {sum(received)} received"
        return f"{begun} requests"


def openssl_trusts_the_certificate_and_is_echoed():
    with Server("tls_echo", PLACE / "echo.pem") as server:
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", PLACE / "echo.pem", "-verify_return_error",
             "-verify_hostname", "localhost", "-quiet", "-no_ign_eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            for line in (b"hello\n", b"x" * 200_000 + b"\n"):
                client.stdin.write(line)
                client.stdin.flush()
                assert client.stdout.readline() == line
            client.stdin.close()
            assert client.wait(10) == 0, client.stderr.read()
        finally:
            client.kill()
        eventually(lambda: server.said("left, after 200007 bytes"), lambda: f"{server.lines}")
        # One that does not speak TLS is refused, and the others do not notice.
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.settimeout(5)
            plain.recv(100)
        eventually(lambda: server.said("broke off"), lambda: f"{server.lines}")
        # A second connection takes up the first one's session, and a client half-closes: all comes back, then a proper goodbye.
        context = ssl.create_default_context(cafile=PLACE / "echo.pem")
        with socket.create_connection(("127.0.0.1", server.port)) as raw, \
                context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as client:
            client.settimeout(5)
            client.sendall(b"bye")
            assert client.recv(100) == b"bye"
            client.unwrap()
        server.is_back_to_its_beginning()


def curl_speaks_both_versions_over_tls():
    with Server("https", PLACE / "https.pem") as server:
        url = f"https://localhost:{server.port}/"
        assert run("curl", "-sk", "-m5", url) == "Hello over HTTP/2 and TLS\n"
        assert run("curl", "-s", "-m5", "--http1.1", "--cacert", PLACE / "https.pem", url) == "Hello over HTTP/1.1 and TLS\n"
        run("curl", "-s", "-m5", url, code=60)  # nobody trusts it unasked
        speed = no_errors(run("h2load", "-c20", "-m10", "-n20000", url))
        no_errors(run("h2load", "--h1", "-c20", "-n5000", url))
        server.is_back_to_its_beginning()
        return speed


def axum_serves_json():
    with Server("myrt-example-axum") as server:
        url = f"http://{server.address}"

        def ask(*arguments):
            return run("curl", "-s", "-m5", "-w", " %{http_code}", *arguments)

        post = ("-H", "content-type: application/json", "-d")
        assert ask(f"{url}/notes", *post, '{"text": "buy milk"}') == '{"id":1,"text":"buy milk"} 201'
        assert ask(f"{url}/notes", *post, '{"text": "write home"}') == '{"id":2,"text":"write home"} 201'
        assert ask(f"{url}/notes?contains=home") == '[{"id":2,"text":"write home"}] 200'
        assert ask(f"{url}/notes/1") == '{"id":1,"text":"buy milk"} 200'
        assert ask("-X", "DELETE", f"{url}/notes/1") == " 204"
        assert ask(f"{url}/notes/1").endswith(" 404")
        assert ask(f"{url}/notes", *post, "nonsense").endswith(" 400")
        assert ask(f"{url}/notes", *post, '{"words": 1}').endswith(" 422")
        start = time.monotonic()
        assert ask(f"{url}/slow").endswith(" 200") and 1 <= time.monotonic() - start < 1.5
        speed = no_errors(run("wrk", "-t1", "-c50", "-d2", f"{url}/notes"))
        server.is_back_to_its_beginning()
        assert server.stop(signal.SIGINT) in (0, 130, -signal.SIGINT)
        return speed


class RedisServer:
    """A real one, without a file, on a free port."""

    def __enter__(self):
        # Not one that the system would give out: those may be waiting out an earlier client's connection.
        self.port = random.randrange(10_000, 30_000)
        self.url = f"redis://127.0.0.1:{self.port}/"
        self.start()
        return self

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"],
                                        stdout=subprocess.DEVNULL, cwd=PLACE)
        eventually(self.answers, "redis-server does not answer")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __exit__(self, *_):
        self.stop()


def the_redis_crate_speaks_to_a_real_server():
    with RedisServer() as server:
        output = run(BINARIES / "myrt-example-redis", server.url, "100000")
        for line in ("GET: hello", "GET after it has expired: None", 'MULTI: 42, ["x", "y"]',
                     'PUBLISH reached 1: "to whom it may concern"', "100000 INCR", "3 keys deleted"):
            assert line in output, output
        speed = re.search(r"connection: (\d+) a second", output)[1]
    run(BINARIES / "myrt-example-redis", server.url, code=1)  # it is gone: an error, not a wait
    return f"{speed} INCR a second"


HTTP = [curl_speaks_both_versions, our_client_speaks_both_versions_and_keeps_its_limit, clients_with_slow_headers_are_cut_off,
        names_and_literals_are_resolved, a_parent_hands_its_socket_over, wrk_is_spread_over_four_workers,
        a_worker_that_panics_comes_back_and_the_others_go_on, wrk_and_h2load_have_no_errors, shutdown_finishes_what_was_begun, shutdown_under_load_drops_no_answer]
TLS = [openssl_trusts_the_certificate_and_is_echoed, curl_speaks_both_versions_over_tls]
AXUM = [axum_serves_json]
REDIS = [the_redis_crate_speaks_to_a_real_server]
