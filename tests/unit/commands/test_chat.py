"""`jessy-studio chat` as a real process: one question, standard input, line by line, for programs, interrupted."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from store.database import Store
from store.models import ChatSession
from studio.jobs.chat.conversation import shown
from studio.workspace import Workspace
from tests.fixtures.replayer import HANG, last, piece, replaying
from tests.unit.commands.conftest import Studio

pytestmark = pytest.mark.slow
SELAM = (piece("Selam \x1b]0;owned\x07"), piece("[/red] ✨"), last(tokens=3, seconds=0.1))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


async def chat(
    studio: Studio, workspace: Workspace, host: str, *arguments: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    studio.environment["OLLAMA_HOST"] = host
    return await asyncio.to_thread(
        subprocess.run,
        studio.command("chat", "-w", workspace.root, *arguments),
        env=studio.variables,
        input=said,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sessions(workspace: Workspace) -> list[ChatSession]:
    with Store.open(workspace.database, readonly=True) as store:
        return sorted(store.chat_sessions, key=lambda session: session.created_at)


async def test_one_question_is_answered_and_kept(studio: Studio, workspace: Workspace) -> None:
    async with replaying(*SELAM) as server:
        done = await chat(studio, workspace, server.host, "-m", "replayed", "Merhaba", "JESSY!")
        again = await chat(studio, workspace, server.host, "-c", "-", said="Nasılsın?\nİyi misin?\n")

    assert done.returncode == 0, done.stderr
    assert "[/red] ✨" in done.stdout
    assert "\x1b" not in done.stdout
    assert "3 tokens" in done.stdout
    assert again.returncode == 0, again.stderr
    (session,) = sessions(workspace)
    asked = [turn.content for turn in shown(session) if turn.role == "user"]
    assert asked == ["Merhaba JESSY!", "Nasılsın?\nİyi misin?"]
    assert len(server.asked[1]["messages"]) == 4


async def test_for_programs_each_event_is_a_line(studio: Studio, workspace: Workspace) -> None:
    script = (piece(thinking="hm"), *SELAM)
    async with replaying(*script) as server:
        done = await chat(studio, workspace, server.host, "-m", "replayed", "--json", "Selam")

    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (
        "".join(line["text"] for line in lines if line["type"] == "token")
        == "Selam \x1b]0;owned\x07[/red] ✨"
    )
    assert [line["text"] for line in lines if line["type"] == "thought"] == ["hm"]
    replied = next(line for line in lines if line["type"] == "replied")
    assert (replied["tokens"], replied["thinking"]) == (3, "hm")
    assert lines[-1] == {"type": "session", "id": sessions(workspace)[0].id, "kept": True}
    assert done.stdout.isascii()


async def test_line_by_line_from_a_pipe(studio: Studio, workspace: Workspace) -> None:
    said = "Bir?\n\nİki?\n/again\n/new\nÜç?\n/what\n"
    async with replaying(*SELAM) as server:
        done = await chat(studio, workspace, server.host, "-m", "replayed", said=said)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 tokens") == 4
    assert "/again answers once more" in done.stdout
    first, second = sessions(workspace)
    assert [turn.role for turn in first.turns] == ["user", "assistant", "user", "assistant", "assistant"]
    assert shown(second)[0].content == "Üç?"


async def test_a_failure_is_told_on_its_way_out(studio: Studio, workspace: Workspace) -> None:
    nothing = await chat(studio, workspace, "127.0.0.1:9")
    closed = await chat(studio, workspace, "127.0.0.1:9", "-m", "any", "Selam")

    assert nothing.returncode == 1
    assert "no question" in nothing.stderr
    assert closed.returncode == 1
    assert "ollama serve" in closed.stdout
    (session,) = sessions(workspace)
    assert [turn.content for turn in session.turns] == ["Selam"]


async def test_ctrl_c_ends_the_reply_and_keeps_what_came(studio: Studio, workspace: Workspace) -> None:
    async with replaying(piece("so far\n"), HANG) as server:
        studio.environment["OLLAMA_HOST"] = server.host
        process = await asyncio.create_subprocess_exec(
            *map(str, studio.command("chat", "-w", workspace.root, "-m", "replayed", "Anlat.")),
            env=studio.variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        async with asyncio.timeout(120):
            while b"so far" not in await process.stdout.readline():
                pass
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            await server.left.wait()

    assert [turn.content for turn in shown(sessions(workspace)[0])] == ["Anlat.", "so far\n"]
