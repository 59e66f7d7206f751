"""A person who reviews fast: 500 decisions in pastes of keys, the studio killed in the middle, nothing lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from store.database import Store
from store.models import Example, Message, Signals
from studio.workspace import Workspace
from tests.fixtures.small_demo import demo_environment
from tests.fixtures.terminal import SKIPPED, Terminal, find_tmux

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_tmux() is None, reason=SKIPPED),
]

NUMBER = 500
KEYS = "".join("aarf"[n % 4] for n in range(NUMBER))
STATUS = {"a": "accepted", "r": "rejected", "f": "flagged"}


def examples() -> list[Example]:
    return [
        Example(
            id=f"{n:032x}",
            messages=(
                Message(role="user", content=f"Soru {n}?"),
                Message(role="assistant", content=f"Yanıt {n}."),
            ),
            category="turkish",
            signals=Signals(words=2, languages=("tr", "tr")),
        )
        for n in range(NUMBER)
    ]


def statuses(workspace: Workspace) -> list[str]:
    with Store.open(workspace.database, readonly=True) as store:
        return [example.status.value for example in store.examples]


def decided(workspace: Workspace) -> int:
    return sum(status != "pending" for status in statuses(workspace))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
def test_500_decisions_with_a_kill_in_the_middle(tmp_path: Path, size: tuple[int, int]) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    with Store.open(workspace.database) as store:
        store.examples.put_many(examples())

    def studio() -> Terminal:
        return Terminal(
            [sys.executable, "-m", "studio", str(workspace.root)],
            width=size[0],
            height=size[1],
            environment=demo_environment(tmp_path, None),
            socket=tmp_path / f"tmux-{size[0]}",
        )

    with studio() as terminal:
        terminal.wait("Next")
        terminal.keys("F3")
        terminal.wait("Soru 0?")
        for start in range(0, 200, 50):
            terminal.type(KEYS[start : start + 50])
        # What the screen says is decided has been acknowledged; the rest of the paste is on its way.
        terminal.until(lambda _: decided(workspace) >= 120, "120 decisions on the disk")
        acknowledged = decided(workspace)
        terminal.kill()
    after = decided(workspace)
    assert after >= acknowledged >= 120
    assert statuses(workspace)[:after] == [STATUS[key] for key in KEYS[:after]], "in order, without a gap"

    with studio() as terminal:
        terminal.wait("Next")
        terminal.keys("F3")
        terminal.wait(f"Soru {after}?")
        for start in range(after, NUMBER, 50):
            terminal.type(KEYS[start : start + 50])
        terminal.until(lambda _: decided(workspace) == NUMBER, "all of them", seconds=120)
        assert statuses(workspace) == [STATUS[key] for key in KEYS]
        # Undo goes on before the restart.
        back = NUMBER - after + 10
        for start in range(0, back, 50):
            terminal.type("u" * min(50, back - start))
        terminal.until(
            lambda _: decided(workspace) == NUMBER - back, "undone beyond the restart", seconds=120
        )
        terminal.type("U" * 5)
        terminal.until(lambda _: decided(workspace) == NUMBER - back + 5, "some of it made again", seconds=60)


def test_an_editor_that_never_returns_is_ended_by_ctrl_c(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    with Store.open(workspace.database) as store:
        store.examples.put_many(examples()[:3])
    script = tmp_path / "hangs.py"
    script.write_text(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('I hang', flush=True)\ntime.sleep(600)\n"
    )
    environment = demo_environment(tmp_path, None) | {"VISUAL": f"{sys.executable} {script}"}
    command = [sys.executable, "-m", "studio", str(workspace.root)]
    with Terminal(
        command, width=80, height=24, environment=environment, socket=tmp_path / "tmux"
    ) as terminal:
        terminal.wait("Next")
        terminal.keys("F3")
        terminal.wait("Soru 0?")
        terminal.keys("E")
        terminal.wait("I hang")

        def pressed(screen: str) -> bool:
            ended = "Soru 0?" in screen
            if not ended:
                terminal.keys("C-c")
            return ended

        terminal.until(pressed, "the studio again")
        terminal.keys("a")
        terminal.until(lambda _: decided(workspace) == 1, "keys are still obeyed")
