"""A loopback server in Ollama's protocol that says the same words at a steady rate: python chat_server.py PORT RATE.

It answers `/api/chat` in lines of JSON, the first one after 20 ms, as Ollama does with a small model that is
loaded; and `/v1/chat/completions`, by which oterm talks to Ollama, with events of the same words. A question that
has a number in it gets a reply that begins with `Zz` and that number, so that a reader of a terminal's output knows
which reply it sees.
"""

from __future__ import annotations

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

MODEL = "replayed:latest"
SHORT = 5
"""Tokens of a reply to a question without the word `long`."""
LONG = 2_000
FIRST_SECONDS = 0.02
_LINES = (
    "## Başlık\n\n",
    "Önce **geniş** bak, sonra *dar*: her `satır` bir iz bırakır, her iz bir yol gösterir ve yol uzar gider.\n\n",
    "- birinci ince ayrıntı\n- ikinci ince ayrıntı\n- üçüncü ince ayrıntı\n\n",
    "```python\ndef bak(yol):\n    return [iz for iz in yol if iz]\n```\n\n",
)


def words(number: int) -> list[str]:
    """Return so many tokens of Markdown."""
    pieces = [piece for line in _LINES for piece in re.findall(r"\s*\S{1,5}|\s+", line)]
    return [pieces[place % len(pieces)] for place in range(number)]


class Handler(BaseHTTPRequestHandler):
    """Says what it is asked for at `rate` tokens a second; 0 is as fast as the reader takes them."""

    protocol_version = "HTTP/1.1"
    rate = 0.0
    left: ClassVar[list[float]] = []
    """When a reader had gone away in the middle of a reply, by the clock that all processes share."""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY: no token waits for the next one

    def do_GET(self) -> None:
        models = [{"name": MODEL, "model": MODEL, "size": 1, "context_length": 8192, "digest": "0" * 64}]
        for model in models:
            model["details"] = {"family": "llama", "quantization_level": "Q8_0", "parameter_size": "135M"}
            model["modified_at"] = "2026-11-01T12:00:00Z"
        self._whole({"version": "0.32.15", "models": models, "left": self.left})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path not in ("/api/chat", "/v1/chat/completions"):
            details = {"family": "llama", "parameter_size": "135M"}
            self._whole({"capabilities": ["completion"], "details": details, "model_info": {}})
            return
        asked = str(body["messages"][-1]["content"])
        number = re.search(r"\d+", asked)
        begins = [f"Zz{number[0]} "] if number else []
        self._stream([*begins, *words(LONG if "long" in asked else SHORT)])

    def _stream(self, tokens: list[str]) -> None:
        self.send_response(200)
        kind = "text/event-stream" if self._events else "application/x-ndjson"
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        time.sleep(FIRST_SECONDS)
        began = time.monotonic()
        try:
            for place, token in enumerate(tokens):
                if self.rate and place:
                    time.sleep(max(0.0, began + place / self.rate - time.monotonic()))
                self._line({"message": {"role": "assistant", "content": token}, "done": False})
            self._line(
                {
                    "message": {"role": "assistant", "content": ""},
                    "done": True,
                    "done_reason": "stop",
                    "prompt_eval_count": 20,
                    "eval_count": len(tokens),
                    "eval_duration": int(1e9 * (time.monotonic() - began)) or 1,
                }
            )
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.left.append(time.perf_counter())
            self.close_connection = True

    @property
    def _events(self) -> bool:
        return self.path.startswith("/v1")

    def _line(self, value: dict[str, Any]) -> None:
        value = {"model": MODEL, "created_at": "2026-11-01T12:00:00Z", **value}
        data = _event(value) if self._events else json.dumps(value).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _whole(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _event(line: dict[str, Any]) -> bytes:
    """Return one of Ollama's lines as an event of a chat completion."""
    end = "stop" if line["done"] else None
    choice = {"index": 0, "delta": line["message"], "finish_reason": end}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + (b"\n\ndata: [DONE]\n\n" if end else b"\n\n")


if __name__ == "__main__" and len(sys.argv) == 3:
    Handler.rate = float(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
