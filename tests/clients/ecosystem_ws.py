"""The WebSocket programs. Each function is one check; its name says what must hold, what it returns is printed beside it.

Course ids: A23, E12 to E22 and C11 (the visual guide's and chapter 8.7's WebSocket rows).
"""

import asyncio
import base64
import json
import logging
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import websockets
from ecosystem_http import RedisServer
from ecosystem_server import BINARIES, PLACE, TARGET, Server, eventually, run
from websockets.asyncio.client import connect

HANDSHAKE = ("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
SHORT = ("--ping-every", "1", "--answer-within", "1")


def raw_client(server, path="/", small=False):
    """A client that has shaken hands and then does only what it is told: not even pongs."""
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.settimeout(10)
    client.sendall(HANDSHAKE.format(path=path).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return client


async def everything(client, wait=0.3):
    """What a client hears until it is quiet."""
    heard = []
    try:
        while True:
            heard.append(await asyncio.wait_for(client.recv(), wait))
    except asyncio.TimeoutError:
        return heard


# --- ws_echo, and the ways in which a connection ends


def the_handshake_is_answered_with_101():
    """E13."""
    with Server("ws_echo") as server:
        answer = run("curl", "-siN", "-m1", "--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H",
                     "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"http://{server.address}/",
                     code=28)
        assert answer.startswith("HTTP/1.1 101 "), answer
        assert "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer, answer
        eventually(lambda: server.said(" lost"), lambda: f"{server.lines}")
        server.is_back_to_its_beginning()


def text_and_bytes_come_back():
    """E17, with the messages of a thousand clients at once (E14)."""
    async def talk(url):
        async with connect(url, max_size=None) as client:
            for message in ("hello", "", "héllo ✓", b"\0\1\2", b"x" * 3_000_000, "y" * 100_000):
                await client.send(message)
                assert await client.recv() == message

    async def crowd(url):
        async def one(number):
            async with connect(url, open_timeout=60) as client:
                here.append(number)
                while len(here) < 1000:  # until all are there at once
                    await asyncio.sleep(0.05)
                await client.send(f"I am {number}")
                assert await client.recv() == f"I am {number}"

        here = []
        await asyncio.gather(*map(one, range(1000)))

    with Server("ws_echo", "--max-message", "4000000") as server:
        url = f"ws://{server.address}/"
        asyncio.run(talk(url))
        server.is_back_to_its_beginning()
        asyncio.run(crowd(url))
        server.is_back_to_its_beginning()
        eventually(lambda: len(server.said(r"closed \(1000\)")) == 1001, lambda: f"{len(server.lines)} lines")


def each_way_to_leave_is_noticed_once():
    """E22: killed, closed with 1000 and 1001, silent, and a server that is stopped itself."""
    async def close(url, code):
        async with connect(url) as client:
            await client.send("x")
            assert await client.recv() == "x"
            await client.close(code)
            assert client.close_code == code

    async def be_sent_away(server, url):
        async with connect(url) as client:
            os.kill(server.process.pid, signal.SIGTERM)
            try:
                await client.recv()
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == 1001, closed

    with Server("ws_echo", *SHORT) as server:
        url = f"ws://{server.address}/"
        asyncio.run(close(url, 1000))
        asyncio.run(close(url, 1001))
        # Killed: its system closes for it, without a goodbye.
        code = f"from websockets.sync.client import connect\nwith connect({url!r}) as c:\n  print(c.send('x') or c.recv(), flush=True)\n  c.recv()"
        victim = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert victim.stdout.readline() == b"x\n"
        victim.kill()
        victim.wait()
        # Silent: the socket stays open and nothing ever comes.
        start = time.monotonic()
        silent = raw_client(server)
        eventually(lambda: server.said("silent"), lambda: f"{server.lines}")
        assert 1.9 < time.monotonic() - start < 5
        silent.close()
        # One that answers pings may stay.
        async def stay():
            async with connect(url) as client:
                await asyncio.sleep(4)
                await client.send("still here")
                assert await client.recv() == "still here"
        asyncio.run(stay())
        server.is_back_to_its_beginning()
        expected = {"closed (1000)": 2, "closed (1001)": 1, "lost": 1, "silent": 1}
        eventually(lambda: Counter(re.sub(r"^\S+ ", "", line).split(":")[0] for line in server.lines[1:]) == expected,
                   lambda: f"{server.lines}")
        asyncio.run(be_sent_away(server, url))
        assert server.process.wait(5) == 0
        eventually(lambda: server.said("stopped, 0 connections left"), lambda: f"{server.lines}")


def ten_thousand_come_and_go():
    with Server("ws_echo") as server:
        for _ in range(10_000):
            raw_client(server).close()
        server.is_back_to_its_beginning()


# --- rooms, topics, calls


def rooms_do_not_hear_each_other():
    """E19."""
    async def talk(url):
        async with connect(f"{url}/A") as ada, connect(f"{url}/A") as bob, connect(f"{url}/B") as eve:
            await ada.send("to A")
            await eve.send("to B")
            assert await everything(bob) == ["to A"]
            assert await everything(eve) == [] and await everything(ada) == []
            await bob.send("/join B")
            assert await bob.recv() == "* you are in B"
            await ada.send("to A again")
            await eve.send("to B again")
            assert await everything(bob) == ["to B again"]
            await ada.send("/who")
            assert await ada.recv() == "* 1 in A"
            await eve.close()
            await bob.send("/who")
            assert await bob.recv() == "* 1 in B"

    with Server("ws_rooms") as server:
        asyncio.run(talk(f"ws://{server.address}"))
        server.is_back_to_its_beginning()


def topics_lose_and_double_nothing():
    """E20: 10,000 messages to three subscribers, one of which comes late and leaves early."""
    async def talk(url):
        async def ask(client, **request):
            await client.send(json.dumps(request))
            return json.loads(await client.recv())

        async with connect(url) as one, connect(url) as two, connect(url) as three, connect(url) as source:
            for client in (one, two, two):  # twice is once
                assert (await ask(client, subscribe="news"))["ok"]
            assert (await ask(three, subscribe="other"))["ok"]

            async def publish():
                for number in range(10_000):
                    await source.send(json.dumps({"publish": "news", "data": number}))
                    if number == 5_000:
                        await three.send(json.dumps({"subscribe": "news"}))

            async def hear(client, count):
                return [json.loads(await client.recv()) for _ in range(count)]

            async def reached():
                return sum([json.loads(await source.recv())["reached"] for _ in range(10_000)])

            _, first, second, total = await asyncio.gather(publish(), hear(one, 10_000), hear(two, 10_000), reached())
            expected = [{"topic": "news", "data": number} for number in range(10_000)]
            assert first == expected and second == expected
            late = [json.loads(message) for message in await everything(three)]
            news = [message["data"] for message in late if message.get("topic") == "news"]
            assert news == list(range(10_000 - len(news), 10_000)) and total == 20_000 + len(news)
            assert (await ask(one, unsubscribe="news"))["ok"]
            assert (await ask(source, publish="news", data="last"))["reached"] == 2
            assert await everything(one) == []
            assert "error" in await ask(source, nonsense=1)

    with Server("ws_pubsub") as server:
        asyncio.run(talk(f"ws://{server.address}/"))
        server.is_back_to_its_beginning()


def calls_find_their_answers():
    """E21: 1,000 interleaved calls by our client, and by Python; one without an answer holds up nobody."""
    async def talk(url):
        async with connect(url) as client:
            await client.send(json.dumps({"id": "never", "method": "never"}))
            for number in range(1000):
                method, params = (("sleep", 50 - number % 50), ("add", [number, 1]))[number % 2]
                await client.send(json.dumps({"id": number, "method": method, "params": params}))
            answers = [json.loads(await client.recv()) for _ in range(1000)]
            assert sorted(answer["id"] for answer in answers) == list(range(1000))
            assert [answer["id"] for answer in answers] != list(range(1000)), "nobody was overtaken"
            for answer in answers:
                number = answer["id"]
                assert answer["result"] == (number + 1 if number % 2 else 50 - number % 50)
            await client.send("nonsense")
            assert "error" in json.loads(await client.recv())

    with Server("ws_rpc") as server:
        asyncio.run(talk(f"ws://{server.address}/"))
        output = run(BINARIES / "ws_rpc", "--call", server.address)
        assert "1000 of 1000 answers right" in output and "no answer in time" in output and "0 calls still wait" in output, output
        server.is_back_to_its_beginning()


# --- the client with a heartbeat, and the comparison


def the_heart_beats_evenly():
    """C11: the times at which Python's server sees the pings; then a server that closes, and one that falls silent."""
    class Pings(logging.Handler):
        def __init__(self):
            super().__init__()
            self.times = []

        def emit(self, record):
            if re.search(r"^< PING", record.getMessage()):
                self.times.append(record.created)

    async def serve(pings):
        async def handler(connection):
            await asyncio.sleep(5.3)

        async with websockets.asyncio.server.serve(handler, "127.0.0.1", 0, ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            client = await asyncio.create_subprocess_exec(
                BINARIES / "ws_heartbeat", f"ws://127.0.0.1:{port}/", "--ping-every", "0.5", stdout=asyncio.subprocess.PIPE)
            output = (await asyncio.wait_for(client.communicate(), 20))[0].decode()
            assert client.returncode == 0 and "the server closed" in output and "0 tasks are left" in output, output

    import websockets.asyncio.server
    pings = Pings()
    logger = logging.getLogger("websockets.server")
    logger.addHandler(pings)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        asyncio.run(serve(pings))
    finally:
        logger.removeHandler(pings)
        logger.setLevel(logging.WARNING)
    assert len(pings.times) == 10, pings.times
    gaps = [later - earlier for earlier, later in zip(pings.times, pings.times[1:])]
    assert all(0.475 < gap < 0.525 for gap in gaps), gaps

    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = subprocess.Popen([BINARIES / "ws_heartbeat", f"ws://127.0.0.1:{listener.getsockname()[1]}/", *SHORT],
                                  stdout=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        request = connection.recv(4096).decode()
        key = re.search(r"(?i)sec-websocket-key: (\S+)", request)[1]
        import hashlib
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        connection.sendall(f"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        output, _ = client.communicate(timeout=10)
        assert client.returncode == 1 and "no answer to a ping" in output and "0 tasks are left" in output, output
        connection.close()
    return f"every 0.5 s, off by at most {max(abs(gap - 0.5) for gap in gaps) * 1000:.1f} ms"


def a_websocket_costs_less_than_polling():
    """E12."""
    output = run(BINARIES / "ws_vs_poll", "6")
    (fast, slow, pushed, _, _) = (line.split() for line in output.splitlines() if re.match("polling|WebSocket", line))
    per_message = float(pushed[3])
    assert per_message < float(fast[-5]) / 3, output
    assert float(pushed[4]) < float(fast[-4]) < float(slow[-4]), output  # the mean latency
    return f"{per_message:.0f} bytes a message, polling {fast[-5]}"


# --- ws_chat


def the_chat_excludes_the_sender():
    """A23, E18."""
    async def talk(url):
        async with connect(f"{url}?name=ada") as ada, connect(f"{url}?name=bob") as bob, connect(f"{url}?name=%3Cb%3E%C3%ABve") as eve:
            assert await everything(ada) == ["* bob came", "* bëve came"]
            assert await everything(bob) == ["* bëve came"]
            await ada.send("hello")
            assert await everything(bob) == ["ada: hello"] and await everything(eve) == ["ada: hello"]
            assert await everything(ada) == []
            await eve.close()
            assert await everything(ada) == ["* bëve left"]

    with Server("ws_chat") as server:
        asyncio.run(talk(f"ws://{server.address}/ws"))
        server.is_back_to_its_beginning()
        eventually(lambda: len(server.said("^- ")) == 3, lambda: f"{server.lines}")
        page = run("curl", "-si", "-m5", f"http://{server.address}/")
        assert "200 OK" in page and "<title>Chat on myrt" in page
        run(BINARIES / "ws_chat", "--timeline", f"ws://{server.address}/ws")  # E15


def who_does_not_read_holds_up_nobody():
    """A23: one of three clients stops reading while the others talk."""
    async def talk(server, url):
        async with connect(f"{url}?name=ada") as ada, connect(f"{url}?name=bob") as bob:
            stuck = raw_client(server, "/ws?name=stuck", small=True)
            await everything(ada)
            await everything(bob)
            worst, line = 0, "x" * 20_000
            for _ in range(1500):
                start = time.monotonic()
                await ada.send(line)
                assert await bob.recv() in (f"ada: {line}", "* stuck left")
                worst = max(worst, time.monotonic() - start)
            assert worst < 0.25, f"a message took {worst:.3f} s"
            # It has a second to take the goodbye.
            assert "* stuck left" in await everything(ada, 2)
            assert server.said("stuck .*stopped reading"), server.lines
            stuck.close()
            return worst

    with Server("ws_chat") as server:
        worst = asyncio.run(talk(server, f"ws://{server.address}/ws"))
        server.is_back_to_its_beginning()
        eventually(lambda: len(server.said("^- stuck")) == 1, lambda: f"{server.lines}")
        return f"slowest message {worst * 1000:.1f} ms"


def a_thousand_hear_one():
    """E14."""
    async def talk(server, url):
        before = server.memory()
        clients = []
        for _ in range(20):
            clients += await asyncio.gather(*(connect(url, open_timeout=60, compression=None) for _ in range(50)))
            # Each hears of those who came after it; read, or one is shown out as one who does not.
            await asyncio.gather(*(everything(client, 0.1) for client in clients))
        memory = server.memory() - before
        assert len(server.said(r"^\+ .*\(1000\)")) == 1
        await asyncio.gather(*(everything(client, 1) for client in clients))
        await clients[0].send("hello all")
        heard = await asyncio.gather(*(client.recv() for client in clients[1:]))
        assert set(heard) == {"somebody: hello all"} and len(heard) == 999
        for client in clients:
            client.transport.abort()
        return f"{memory / 1000:.1f} KiB a client"

    with Server("ws_chat") as server:
        note = asyncio.run(talk(server, f"ws://{server.address}/ws"))
        eventually(lambda: len(server.said("^- ")) == 1000, lambda: f"{len(server.said('^- '))} left", within=20)
        server.is_back_to_its_beginning()
        return note


def one_room_over_two_processes():
    """The chat grows past one process through a real Redis, and gets over its restart."""
    async def talk(one, two, redis):
        async with connect(f"ws://{one.address}/ws?name=ada") as ada, connect(f"ws://{two.address}/ws?name=bob") as bob, \
                connect(f"ws://{one.address}/ws?name=eve") as eve:
            for client in (ada, bob, eve):
                await everything(client)
            await ada.send("hello")
            assert await everything(bob) == ["ada: hello"] and await everything(eve) == ["ada: hello"]
            assert await everything(ada) == []
            await bob.send("good day")
            assert await everything(ada) == ["bob: good day"] and await everything(eve) == ["bob: good day"]
            assert await everything(bob) == []
            redis.stop()
            await ada.send("anybody?")
            assert await everything(eve) == ["ada: anybody?"]  # this process goes on by itself
            redis.start()
            for server in (one, two):
                await asyncio.to_thread(eventually, lambda: len(server.said("redis: connected")) == 2, lambda: f"{server.lines}")
            await everything(bob)
            await bob.send("back again")
            assert await everything(ada) == ["bob: back again"]

    with RedisServer() as redis:
        environment = {"REDIS_URL": redis.url}
        with Server("ws_chat", environment=environment) as one, Server("ws_chat", environment=environment) as two:
            for server in (one, two):
                eventually(lambda: server.said("redis: connected"), lambda: f"{server.lines}")
            asyncio.run(talk(one, two, redis))


# --- suites and browsers


def autobahn_finds_nothing_wrong():
    """E13: the suite's groups 1 to 7, 9 and 10 (12 and 13 are compression, which the server does not offer)."""
    python = shutil.which("python2.7")
    if not python or subprocess.run([python, "--version"], capture_output=True).returncode:
        found = sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))
        assert found, "Python 2.7 is missing: pyenv install 2.7.18"
        python = found[-1]
    venv = PLACE / "python2.7"
    if not (venv / "complete").exists():
        run(python, "-m", "pip", "install", "-q", "virtualenv", within=300)
        run(python, "-m", "virtualenv", "-q", venv, within=300)
        run(venv / "bin/pip", "install", "-q", "autobahntestsuite==25.10.1", within=600)
        (venv / "complete").touch()
    with Server("ws_echo", "--max-message", str(32 << 20)) as server:  # its group 9 sends 16 MiB
        specification = {"outdir": str(PLACE / "autobahn"), "servers": [{"agent": "myrt", "url": f"ws://{server.address}"}],
                         "cases": [f"{group}.*" for group in (1, 2, 3, 4, 5, 6, 7, 9, 10)], "exclude-cases": [],
                         "exclude-agent-cases": {}}
        (PLACE / "autobahn.json").write_text(json.dumps(specification))
        shutil.rmtree(PLACE / "autobahn", ignore_errors=True)
        run(venv / "bin/wstest", "-m", "fuzzingclient", "-s", PLACE / "autobahn.json", within=900)
        cases = json.loads((PLACE / "autobahn/index.json").read_text())["myrt"]
        bad = {name: case for name, case in cases.items()
               if case["behavior"] not in ("OK", "NON-STRICT", "INFORMATIONAL") or case["behaviorClose"] not in ("OK", "INFORMATIONAL")}
        assert not bad and len(cases) > 290, bad
        server.is_back_to_its_beginning()
        return f"{len(cases)} cases, " + ", ".join(f"{n} {b}" for b, n in Counter(c["behavior"] for c in cases.values()).most_common())


class Tab:
    """A tab of a headless Chromium, by its debugging protocol."""

    def __init__(self, socket):
        self.socket, self.number, self.complaints = socket, 0, []

    @classmethod
    async def open(cls, port, url):
        from urllib.request import Request, urlopen
        target = json.load(urlopen(Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")))
        tab = cls(await connect(target["webSocketDebuggerUrl"], max_size=None))
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.call(f"{domain}.enable")
        await tab.call("Page.navigate", url=url)
        return tab

    async def call(self, method, **parameters):
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            kind, said = message["method"], message["params"]
            if kind == "Runtime.exceptionThrown" or kind == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning") \
                    or kind == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                self.complaints.append(said)

    async def evaluate(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def shows(self, text):
        for _ in range(200):
            if text in (await self.evaluate("document.body ? document.body.innerText : ''")):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the page never showed {text!r}: " + await self.evaluate("document.body.innerText"))

    async def say(self, text):
        for character in text:
            await self.call("Input.insertText", text=character)
        await self.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        await self.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)


def two_tabs_talk():
    """A23 and E22 (a tab that is closed) in a real browser; the picture is kept as clients/chat.png."""
    async def talk(server, rooms, port):
        url = f"http://{server.address}/"
        ada = await Tab.open(port, f"{url}?name=ada")
        await ada.shows("you are here as ada")
        bob = await Tab.open(port, f"{url}?name=bob")
        await bob.shows("you are here as bob")
        await ada.shows("* bob came")
        await bob.evaluate("document.getElementById('text').focus()")
        await bob.say("hello, I am in the other tab")
        await ada.shows("bob: hello, I am in the other tab")
        await ada.call("Page.bringToFront")
        await ada.evaluate("document.getElementById('text').focus()")
        await ada.say("<b>so am I</b>")
        await bob.shows("ada: <b>so am I</b>")  # as text, not as HTML
        await ada.say("äöü ✓")
        await bob.shows("ada: äöü ✓")
        assert "bob: hello, I am in the other tab\nbob:" not in await bob.evaluate("document.body.innerText"), "one's own words came back"
        picture = await bob.call("Page.captureScreenshot", format="png")
        (PLACE / "chat.png").write_bytes(base64.b64decode(picture["data"]))
        # A tab in a room, with one member of the other room beside it (E19).
        await ada.evaluate(f"window.heard = []; window.room = new WebSocket('ws://{rooms.address}/A');"
                           "room.onmessage = event => heard.push(event.data); new Promise(done => room.onopen = done)")
        async with connect(f"ws://{rooms.address}/A") as same, connect(f"ws://{rooms.address}/B") as other:
            await other.send("to B")
            await same.send("to A")
            await asyncio.sleep(0.5)
            assert await ada.evaluate("heard") == ["to A"]
        assert ada.complaints == [] and bob.complaints == [], (ada.complaints, bob.complaints)
        # Closing the tab says goodbye for it.
        await bob.call("Page.close")
        await ada.shows("* bob left")
        assert len(server.said(r"^- bob \(1\): closed \(1001\)")) == 1, server.lines
        await ada.call("Page.close")
        eventually(lambda: len(server.said(r"^- ada \(0\): closed \(1001\)")) == 1, lambda: f"{server.lines}")

    profile = PLACE / "chromium"
    shutil.rmtree(profile, ignore_errors=True)
    with Server("ws_chat") as server, Server("ws_rooms") as rooms:
        browser = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}",
             "--window-size=700,600", "about:blank"], stdout=subprocess.DEVNULL, stderr=open(PLACE / "chromium.log", "w"))
        try:
            known = profile / "DevToolsActivePort"
            eventually(known.exists, "Chromium does not start: see clients/chromium.log", within=60)
            eventually(lambda: known.read_text().strip(), "no port")
            asyncio.run(talk(server, rooms, known.read_text().split()[0]))
        finally:
            browser.terminate()
            browser.wait(10)
        # Browsers keep connections open that they may need; these end with the browser.
        server.is_back_to_its_beginning()
        rooms.is_back_to_its_beginning()
    return f"picture in {(PLACE / 'chat.png').relative_to(TARGET.parent)}"


WEBSOCKET = [the_handshake_is_answered_with_101, text_and_bytes_come_back, each_way_to_leave_is_noticed_once, ten_thousand_come_and_go,
             rooms_do_not_hear_each_other, topics_lose_and_double_nothing, calls_find_their_answers, the_heart_beats_evenly,
             a_websocket_costs_less_than_polling]
CHAT = [the_chat_excludes_the_sender, who_does_not_read_holds_up_nobody, a_thousand_hear_one, one_room_over_two_processes]
AUTOBAHN = [autobahn_finds_nothing_wrong]
BROWSER = [two_tabs_talk]
