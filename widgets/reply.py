"""One turn of a chat: who speaks, Markdown that grows as it streams, and a quiet line of figures below."""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from widgets.safe import safe, safe_line


class Reply(Vertical):
    """A turn. `write` adds to it while it streams; `finish` says how it went."""

    DEFAULT_CSS = """
    Reply { height: auto; margin-bottom: 1; }
    Reply > .who { height: 1; }
    Reply > Markdown { height: auto; margin: 0; padding: 0 0 0 2; background: transparent; }
    Reply > Markdown > MarkdownBlock:last-child { margin-bottom: 0; }
    Reply > .figures { height: auto; padding: 0 0 0 2; color: $text-muted; display: none; }
    Reply > .figures.-wrong { color: $error; }
    """

    def __init__(self, who: str, text: str = "", *, assistant: bool = False) -> None:
        super().__init__()
        self._who = safe_line(who, 60)
        self._text = safe(text)
        self._assistant = assistant
        self._stream: MarkdownStream | None = None

    def compose(self) -> ComposeResult:
        style = "bold $accent" if self._assistant else "bold"
        yield Static(Content.styled(self._who, style), classes="who")
        # Links of a model are not opened by a click: they are text.
        yield Markdown(self._text, open_links=False)
        yield Static(classes="figures", markup=False)

    async def write(self, piece: str) -> None:
        """Add a piece of the reply."""
        if self._stream is None:
            self._stream = Markdown.get_stream(self.query_one(Markdown))
            self.query_one(".figures").display = False
        plain = safe(piece)
        self._text += plain
        await self._stream.write(plain)

    def say(self, what: str) -> None:
        """Say below what is waited for; `finish` replaces it."""
        said = self.query_one(".figures", Static)
        said.update(safe_line(what, 200))
        said.display = True

    async def finish(self, figures: str, *, wrong: bool = False) -> None:
        """End the stream and show a line below: figures, or what went wrong."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            try:
                await stream.stop()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # Textual's stream had no turn yet and dropped its words with its task.
                await self.query_one(Markdown).update(self._text)
        said = self.query_one(".figures", Static)
        said.update(safe(figures))
        said.set_class(wrong, "-wrong")
        said.display = bool(figures)
