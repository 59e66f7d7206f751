"""The chat while a reply streams in: the first painted token, keys, Esc, the processor.

The studio runs in a pseudo-terminal and talks to a loopback server that says 200 tokens a second. A token is painted
when it has come out of the terminal; a key is answered when its letter has. A bare client reads the same server.
With `--oterm` so does oterm, installed into an environment of its own: for comparison, without bars.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from benchmarks.chat_server import MODEL
from benchmarks.report import Report, percentile
from store.database import Store
from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import answered, asked
from studio.workspace import Workspace

RATE = 200
"""Tokens a second; a real server on the machines that this is built on makes 60 to 106."""
FIRST_TOKEN_MS = 30
KEY_MS = 50
CANCEL_MS = 100
PROCESSOR_SHARE = 0.25
SESSION_LINES = 5_000
_TIMEOUT = 60.0
_KEYS = [chr(0x2200 + place) for place in range(120)]
"""Letters that no reply has, so that each shows when it was painted."""


class Pane:
    """A program in a pseudo-terminal: what it writes is read all the time, and searched."""

    def __init__(self, command: list[str], environment: dict[str, str], size: tuple[int, int]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self._chunks: list[tuple[float, bytes]] = []
        self._new = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:
                return
            with self._new:
                self._chunks.append((time.perf_counter(), data))
                self._new.notify_all()

    def press(self, keys: str) -> float:
        """Press keys and return when."""
        moment = time.perf_counter()
        os.write(self._master, keys.encode())
        return moment

    def painted(self, word: str, since: int = 0) -> float:
        """Return when a word had come out whole. Raises RuntimeError after a minute."""
        wanted, deadline = word.encode(), time.perf_counter() + _TIMEOUT
        with self._new:
            while True:
                tail = b""
                for moment, data in self._chunks[since:]:
                    tail = tail[-200:] + data
                    if wanted in tail:
                        return moment
                if not self._new.wait(max(0.0, deadline - time.perf_counter())):
                    shown = b"".join(data for _, data in self._chunks)[-3000:]
                    raise RuntimeError(f"{word!r} was never painted: {shown!r}")

    @property
    def mark(self) -> int:
        """How much has come out so far, for `painted`."""
        return len(self._chunks)

    def processor_seconds(self) -> float:
        """Return the processor time of the program so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def quiet(self) -> None:
        """Wait until the program does nothing much; two seconds at least, a minute at most."""
        deadline, calm = time.perf_counter() + _TIMEOUT, 0
        while calm < 4 and time.perf_counter() < deadline:
            used = self.processor_seconds()
            time.sleep(0.5)
            calm = calm + 1 if self.processor_seconds() - used < 0.05 else 0

    def close(self) -> None:
        """End it, and whatever is in its session."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


@contextmanager
def server(rate: float) -> Iterator[int]:
    """Run the replaying server and give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    script = Path(__file__).with_name("chat_server.py")
    process = subprocess.Popen([sys.executable, script, str(port), str(rate)])
    try:
        for _ in range(200):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def bare_client_seconds(port: int, number: int) -> float:
    """Return the time from a question to its first token, by nothing but a socket."""
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": f"q {number}"}]})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", "/api/chat", body)
    connection.getresponse().readline()
    took = time.perf_counter() - began
    connection.close()
    return took


def times_left(port: int) -> list[float]:
    """Return when the server's readers went away in the middle, by the clock of `time.perf_counter`."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    times: list[float] = json.loads(connection.getresponse().read())["left"]
    connection.close()
    return times


def make_session(workspace: Workspace, lines: int) -> None:
    """Put a conversation of so many lines into the store, the one that opens."""
    chat = ChatSession(title="", model=MODEL)
    text = "## Başlık\n\n" + "Bir satır **kalın** ve `kod` ile.\n\n" * 18 + "```python\nx = 1\ny = 2\n```\n"
    for number in range(max(1, lines // 50)):
        chat = answered(asked(chat, f"Soru {number}"), ChatTurn(role="assistant", content=text, model=MODEL))
    with Store.open(workspace.database) as store:
        store.chat_sessions.put(chat)


@contextmanager
def studio(port: int, folder: Path, lines: int, size: tuple[int, int]) -> Iterator[Pane]:
    """Run the studio on its Chat screen, with a conversation of so many lines."""
    workspace = Workspace.create(folder / f"ws{lines}-{size[0]}")
    make_session(workspace, lines)
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "JESSY_CONFIG_DIR": str(folder / "config"),
    }
    pane = Pane([sys.executable, "-m", "studio", str(workspace.root)], environment, size)
    try:
        pane.painted("Next")
        since = pane.mark
        pane.press("\x1b[18~")  # F7
        pane.painted("Enter sends", since)
        pane.painted("Soru", since)
        # What the first question needs is imported then, and the old turns are drawn.
        pane.quiet()
        yield pane
    finally:
        pane.close()


def first_tokens(pane: Pane, port: int, numbers: range, rest: float) -> tuple[list[float], list[float]]:
    """Ask again and again, in turns with a bare client; return the seconds of the client and of the program."""
    bare, painted = [], []
    for number in numbers:
        bare.append(bare_client_seconds(port, number))
        since = pane.mark
        # The question is typed before and is not part of the time.
        pane.press(f"soru {number}")
        pane.painted(str(number)[-1], since)
        time.sleep(0.4)
        since = pane.mark
        moment = pane.press("\r")
        painted.append(pane.painted(f"Zz{number}", since) - moment)
        time.sleep(rest)
    return bare, painted


def measure_first_token(report: Report, folder: Path, rounds: int) -> None:
    """Ask again and again; the bare client and the studio take turns."""
    with server(RATE) as port, studio(port, folder, 50, (80, 24)) as pane:
        bare, painted = first_tokens(pane, port, range(1_000, 1_000 + rounds), 0.4)
    over = 1e3 * (median(painted) - median(bare))
    report.add("first token, bare client, median", 1e3 * median(bare), "ms")
    report.add("first token painted, median", 1e3 * median(painted), "ms")
    report.add("first token painted, over the bare client", over, "ms", at_most=FIRST_TOKEN_MS)


def measure_cancel(report: Report, folder: Path, rounds: int) -> None:
    """Press Esc in the middle of replies: when has the model's stream ended, and when does the screen say so?"""
    with server(RATE) as port, studio(port, folder, 50, (80, 24)) as pane:
        closed, said = [], []
        for number in range(2_000, 2_000 + rounds):
            pane.press(f"long {number}\r")
            pane.painted(f"Zz{number}")
            time.sleep(0.5 + 0.01 * (number % 7))
            since = pane.mark
            moment = pane.press("\x1b")
            said.append(pane.painted("cancelled", since) - moment)
            time.sleep(0.5)
            left = times_left(port)
            if len(left) != len(closed) + 1:
                raise RuntimeError("the studio did not leave the server")
            closed.append(left[-1] - moment)
    report.add("Esc to the end of the stream, median", 1e3 * median(closed), "ms")
    report.add("Esc to the end of the stream, longest", 1e3 * max(closed), "ms", at_most=CANCEL_MS)
    report.add("Esc to “cancelled” painted, median", 1e3 * median(said), "ms")
    report.add("Esc to “cancelled” painted, longest", 1e3 * max(said), "ms", at_most=CANCEL_MS)


def measure_streaming(report: Report, folder: Path, lines: int, size: tuple[int, int]) -> None:
    """Type while 200 tokens a second come in, and look at what the processor does."""
    name = f"{lines:,} lines, {size[0]}×{size[1]}"
    with server(RATE) as port, studio(port, folder, lines, size) as pane:
        since = pane.mark
        pane.press("long 7\r")
        pane.painted("Zz7", since)
        began, used = time.perf_counter(), pane.processor_seconds()
        time.sleep(3)
        share = (pane.processor_seconds() - used) / (time.perf_counter() - began)
        waits = _type(pane, 60, 0.05)
    report.add(f"processor while streaming, {name}", share, "of a core", at_most=PROCESSOR_SHARE)
    report.add(f"a key while streaming, median, {name}", 1e3 * median(waits), "ms")
    report.add(f"a key while streaming, p95, {name}", 1e3 * percentile(waits, 0.95), "ms")
    report.add(f"a key while streaming, longest, {name}", 1e3 * max(waits), "ms", at_most=KEY_MS)


def _type(pane: Pane, number: int, pause: float) -> list[float]:
    waits = []
    for letter in _KEYS[:number]:
        since = pane.mark
        moment = pane.press(letter)
        waits.append(pane.painted(letter, since) - moment)
        time.sleep(pause)
    return waits


def main() -> int:
    """Measure, print, and return 0 when the bars are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--oterm", action="store_true", help="install and drive oterm beside it")
    parser.add_argument("--rounds", type=int, default=20, help="questions for the first token")
    arguments = parser.parse_args()
    report = Report(f"Chat at {RATE} tokens/s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps: list[Callable[[], None]] = [
            lambda: measure_first_token(report, folder, arguments.rounds),
            lambda: measure_cancel(report, folder, arguments.rounds),
            lambda: measure_streaming(report, folder, 50, (80, 24)),
            lambda: measure_streaming(report, folder, SESSION_LINES, (160, 50)),
        ]
        for step in steps:
            step()
        if arguments.oterm:
            from benchmarks.chat_oterm import measure_oterm

            measure_oterm(report, folder, arguments.rounds)
    return report.show(as_json=arguments.json)


if __name__ == "__main__":
    raise SystemExit(main())
