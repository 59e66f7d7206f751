"""The process behind `LocalModel`: reads requests and writes pieces of replies, one JSON object a line.

In:  {"id", "messages", "sampling", "max_tokens"} · {"cancel": id}; the end of the input ends the process.
Out: {"ready": {...}} or {"failed": {...}} once; then {"id", "text"} … and {"id", "done": {...}} or an {"error"}.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from studio.lm.errors import ModelError, TooLongError

if TYPE_CHECKING:
    from studio.lm.streaming import Streamer

Message = dict[str, Any]


def main() -> None:
    """Load the model that the arguments name, then answer until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m studio.lm.worker")
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", type=Path)
    arguments = parser.parse_args()
    out = _own_stdout()
    inbox = Inbox()
    threading.Thread(target=inbox.read_forever, daemon=True).start()
    began = time.perf_counter()
    try:
        from studio.lm.base import resolve_base
        from studio.lm.load import load
        from studio.lm.streaming import Streamer

        streamer = Streamer(load(resolve_base(arguments.base), arguments.adapter))
    except ModelError as error:
        _write(out, {"failed": {"what": error.what, "to_do": error.to_do}})
        sys.exit(1)
    seconds = round(time.perf_counter() - began, 3)
    _write(out, {"ready": {"seconds": seconds, "context_size": streamer.context_size}})
    while True:
        _answer(streamer, inbox, inbox.requests.get(), out)


@dataclass
class Inbox:
    """What the other side asked for; filled by a thread, so that a cancel is seen while a reply is made."""

    requests: queue.Queue[Message] = field(default_factory=queue.Queue)
    cancelled: set[int] = field(default_factory=set)

    def read_forever(self) -> None:
        """Sort the lines of stdin; end the process at its end, in the middle of a reply too."""
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if "cancel" in message:
                self.cancelled.add(message["cancel"])
            else:
                self.requests.put(message)
        os._exit(0)


def _own_stdout() -> TextIO:
    """Keep stdout for the protocol: what libraries print goes to stderr from here on."""
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return protocol


def _write(out: TextIO, message: Message) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _answer(streamer: Streamer, inbox: Inbox, request: Message, out: TextIO) -> None:
    from studio.lm.sampling import Sampling

    number = request["id"]
    try:
        pieces = streamer.stream(
            request["messages"],
            Sampling(**request["sampling"]),
            max_tokens=request["max_tokens"],
            cancelled=lambda: number in inbox.cancelled,
        )
        for piece in pieces:
            if isinstance(piece, str):
                _write(out, {"id": number, "text": piece})
            else:
                _write(out, {"id": number, "done": vars(piece)})
    except (ValueError, TypeError, LookupError, RuntimeError) as error:
        traceback.print_exc()
        said = str(error) or type(error).__name__
        _write(out, {"id": number, "error": said, "too_long": isinstance(error, TooLongError)})
    inbox.cancelled.discard(number)


if __name__ == "__main__":
    main()
