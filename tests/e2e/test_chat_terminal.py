"""A person who chats in a real terminal: the studio killed in the middle of a reply, and a model that attacks it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from store.database import Store
from store.models import ChatSession
from studio.workspace import Workspace
from tests.fixtures.hostile import KNOWN
from tests.fixtures.replayer import HANG, Replayer, last, piece, replaying
from tests.fixtures.small_demo import demo_environment
from tests.fixtures.terminal import SKIPPED, Terminal, find_tmux

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_tmux() is None, reason=SKIPPED),
]
sizes = pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])


@contextmanager
def serving(*script: dict[str, Any] | str, **settings: Any) -> Iterator[Replayer]:
    """Run the replayer in a thread of its own, since a terminal is driven without an event loop."""
    ready, done = threading.Event(), threading.Event()
    found: list[Replayer] = []

    async def serve() -> None:
        async with replaying(*script, **settings) as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    try:
        yield found[0]
    finally:
        done.set()
        thread.join(20)


def studio(workspace: Workspace, home: Path, host: str, size: tuple[int, int]) -> Terminal:
    return Terminal(
        [sys.executable, "-m", "studio", str(workspace.root)],
        width=size[0],
        height=size[1],
        environment=demo_environment(home, host),
        socket=home / f"tmux-{size[0]}",
    )


def leave(terminal: Terminal) -> None:
    """Leave the text field; a key right behind Escape would be taken for one with Alt."""
    terminal.keys("Escape")
    terminal.wait("i Write")


def chats(workspace: Workspace) -> list[ChatSession]:
    with Store.open(workspace.database, readonly=True) as store:
        return list(store.chat_sessions)


@sizes
def test_a_kill_in_the_middle_of_a_reply_loses_nothing_that_was_painted(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    said = [piece(f"k{number:03} ") for number in range(400)]
    with serving(*said, HANG, every=0.05) as server:
        with studio(workspace, tmp_path, server.host, size) as terminal:
            terminal.wait("Next")
            terminal.keys("F7")
            terminal.wait("replayed", "Enter sends")
            terminal.type("Bir masal anlat, İpek için")
            terminal.keys("Enter")
            terminal.wait("k060")
            painted = terminal.screen
            terminal.kill()
        last_painted = max(number for number in range(400) if f"k{number:03}" in painted)
        with studio(workspace, tmp_path, server.host, size) as terminal:
            terminal.wait("Next")
            terminal.keys("F7")
            terminal.wait("the studio ended in the middle")
            terminal.wait(f"k{last_painted:03}")
            # It goes on: the conversation can be asked again, and the old reply stays as a version.
            leave(terminal)
            terminal.keys("t")
            terminal.wait("‹ 2 of 2 ›", "k020")
            terminal.wait("k100")
            terminal.keys("Escape")
            terminal.wait("cancelled; what came is kept")
    (chat,) = chats(workspace)
    assert [turn.role for turn in chat.turns] == ["user", "assistant", "assistant"]
    assert chat.title == "Bir masal anlat, İpek için"
    killed = chat.turns[1]
    assert killed.ended == "killed"
    assert killed.content == "".join(f"k{number:03} " for number in range(len(killed.content.split())))
    assert len(killed.content.split()) > last_painted
    assert not list((workspace.jobs / "replies").iterdir())


def test_nothing_that_a_terminal_obeys_comes_out_of_a_models_words(tmp_path: Path) -> None:
    """The studio's output is read byte by byte: what it writes itself has no titles, clipboards or links in it."""
    workspace = Workspace.create(tmp_path / "ws")
    # Each attack in a piece, in pieces of one letter, in the thoughts, and as the model's own name.
    attacks = [text.encode("utf-8", "replace").decode() for text in KNOWN if "\x1b" in text or "\x9b" in text]
    script: list[dict[str, Any] | str] = [piece(thinking=text) for text in attacks]
    script += [piece(text + "\n\n") for text in attacks]
    script += [piece(letter) for text in attacks for letter in text]
    script += [piece("\n\nBITTI\n"), last(tokens=9, seconds=1)]
    name = "evil\x1b]0;name\x07[/red]"
    raw = tmp_path / "raw"
    with (
        serving(*script, loaded=(name,)) as server,
        studio(workspace, tmp_path, server.host, (100, 30)) as terminal,
    ):
        terminal.wait("Next")
        subprocess.run([*terminal._tmux, "pipe-pane", "-o", f"cat >> {raw}"], check=True)
        terminal.keys("F7")
        terminal.wait("evil", "Enter sends")
        terminal.type("Saldır")
        terminal.keys("Enter")
        terminal.wait("BITTI", "9 tokens")
        leave(terminal)
        terminal.keys("o", "Home", "PageDown", "End", "e")
        terminal.wait("Mend this reply")
        terminal.keys("Escape")
        terminal.until(lambda screen: "Mend this reply" not in screen, "the chat again")
        terminal.keys("s")
        terminal.wait("Conversations")
        terminal.keys("Escape")
        terminal.until(lambda screen: "Conversations" not in screen, "the chat again")
        terminal.keys("c")
        terminal.wait("against")
    # Textual's own: the shape of the mouse pointer.
    out = raw.read_bytes().replace(b"\x1b]22;default\x07", b"")
    assert b"BITTI" in out
    attacking = (
        b"\x1b]0;",
        b"\x1b]8;",
        b"\x1b]52;",
        b"\x1bP1$r",
        b"\x1b_apc",
        b"\x07",
        b"\x00",
        b"\xc2\x9b",
        b"\x1b[2J",
    )
    assert [attack for attack in attacking if attack in out] == []
