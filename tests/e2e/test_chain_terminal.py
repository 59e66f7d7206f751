"""A person at the keyboard: the chain in the studio, by keys only, at two sizes, and with the studio killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.database import Store
from studio.jobs.process.folder import job_folders
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer
from tests.fixtures.small_demo import small_demo
from tests.fixtures.terminal import SKIPPED, Terminal, find_tmux, studio

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(find_tmux() is None, reason=SKIPPED),
]

SIZES = [(80, 24), (160, 50)]
FITS = {"1 Overview", "7 Chat"}


def widths(screen: str) -> int:
    return max(len(line) for line in screen.splitlines())


def step(terminal: Terminal, sentence: str) -> None:
    """On the Overview, wait for the next step's sentence and run it."""
    terminal.keys("F1")
    terminal.wait(sentence, seconds=90)
    terminal.keys("Enter")
    terminal.until(lambda screen: sentence not in screen, f"another screen than that of {sentence}")


def collect(terminal: Terminal) -> None:
    """On the Overview, look at what a collect would bring and take it in."""
    step(terminal, "collect the files")
    terminal.wait("a Collect", seconds=90)
    terminal.keys("a")
    terminal.until(lambda screen: "a Collect" not in screen, "the dialog's end")


def accept_all(terminal: Terminal) -> None:
    """On the Review screen, accept what passes its recipe."""
    terminal.keys("A")
    terminal.wait("passes its recipe", seconds=60)
    terminal.keys("Enter")
    terminal.until(lambda screen: "passes its recipe" not in screen, "the dialog's end")


def through_the_chain(terminal: Terminal, *, deployed: bool) -> None:
    collect(terminal)
    step(terminal, "generate examples")
    terminal.wait("examples from the offline teacher", seconds=120)
    step(terminal, "Next  review")
    # Some by hand, the rest by the policy.
    terminal.wait("a Accept")
    terminal.keys("a", "a", "r", "u", "a")
    accept_all(terminal)
    step(terminal, "train on")
    terminal.wait("validation loss", seconds=300)
    step(terminal, "validate r1")
    terminal.wait("personality", "bilingual", "consciousness", "adaptation", seconds=300)
    terminal.until(lambda screen: "r1 best" in screen and "%" in screen, "the scorecard", seconds=300)
    if deployed:
        step(terminal, "deploy r1")
        terminal.wait("jessy-complete", seconds=300)
        terminal.keys("F1")
    else:
        terminal.keys("F1")
    terminal.wait("Merhaba JESSY!", seconds=120)
    terminal.keys("F7")
    terminal.wait("Chat")
    terminal.type("Merhaba JESSY!")
    terminal.keys("Enter")
    terminal.until(said, "the beginning of a reply", seconds=180)
    # Three steps of training taught it no end: what came is a turn all the same.
    terminal.keys("Escape")
    terminal.until(lambda screen: "tokens/s" in screen or "cancelled" in screen, "the turn's end")


def said(screen: str) -> str:
    """The first line of the newest reply on the Chat screen."""
    lines = [line.strip() for line in screen.splitlines()]
    if "JESSY" not in lines:
        return ""
    line = lines[len(lines) - lines[::-1].index("JESSY")]
    return "" if "…" in line or line.startswith("Message;") else line


def check(workspace: Workspace) -> None:
    with Store.open(workspace.database, readonly=True) as store:
        assert store.counts.by_status["accepted"] > 10
        assert [run.state for run in store.training_runs.find()] == ["done"]
        assert len(store.scorecards) == 1


@pytest.mark.parametrize("size", SIZES)
def test_the_chain_by_keys_without_a_server(tmp_path: Path, size: tuple[int, int]) -> None:
    workspace = small_demo(tmp_path / "demo")
    with studio(workspace, tmp_path, size) as terminal:
        through_the_chain(terminal, deployed=False)
        assert widths(terminal.screen) <= size[0]
        terminal.keys("C-q")
        terminal.wait("ended with 0", seconds=20)
    check(workspace)
    with Store.open(workspace.database, readonly=True) as store:
        (chat,) = store.chat_sessions.find()
    assert [turn.role for turn in chat.turns] == ["user", "assistant"]


@pytest.mark.ollama
def test_the_chain_by_keys_with_a_server(tmp_path: Path, ollama_server: OllamaServer) -> None:
    workspace = small_demo(tmp_path / "demo")
    with studio(workspace, tmp_path, SIZES[1], ollama_server.host) as terminal:
        through_the_chain(terminal, deployed=True)
    check(workspace)
    with Store.open(workspace.database, readonly=True) as store:
        assert [deployment.current for deployment in store.deployments.find()] == [True]


def test_the_studio_is_killed_at_every_step_and_goes_on(tmp_path: Path) -> None:
    workspace = small_demo(tmp_path / "demo")
    size = SIZES[0]

    with studio(workspace, tmp_path, size) as terminal:
        collect(terminal)
        terminal.keys("F1")
        terminal.wait("generate examples", seconds=60)
        terminal.keys("Enter")
        terminal.until(lambda _: _ordered(workspace, "generate"), "the order of the job", seconds=30)
        terminal.kill()
    # The job went on by itself, or is resumed: either way nothing is missing and nothing is there twice.
    with studio(workspace, tmp_path, size) as terminal:
        terminal.keys("F1")
        screen = terminal.until(
            lambda s: "Next  review" in s or "resume generate" in s, "the next step", seconds=120
        )
        if "resume generate" in screen:
            terminal.keys("Enter")
            terminal.keys("F1")
        step(terminal, "Next  review")
        terminal.wait("a Accept")
        terminal.keys("a", "a", "a")
        terminal.until(lambda _: _accepted(workspace) == 3, "three decisions in the store", seconds=30)
        terminal.kill()
    assert _accepted(workspace) == 3
    with studio(workspace, tmp_path, size) as terminal:
        terminal.keys("F3")
        terminal.wait("a Accept", seconds=60)
        accept_all(terminal)
        terminal.until(lambda _: _accepted(workspace) > 10, "the policy's decisions", seconds=60)
        step(terminal, "train on")
        terminal.wait("r1", seconds=120)
        terminal.kill()
    with studio(workspace, tmp_path, size) as terminal:
        terminal.keys("F1")
        terminal.wait("validate r1", seconds=300)
        terminal.keys("Enter")
        terminal.until(lambda _: _ordered(workspace, "validate"), "the order of the job", seconds=30)
        terminal.kill()
    with studio(workspace, tmp_path, size) as terminal:
        terminal.keys("F1")
        terminal.wait("Merhaba JESSY!", seconds=300)
        terminal.keys("F5")
        terminal.wait("r1 best", seconds=60)
    check(workspace)


def _ordered(workspace: Workspace, kind: str) -> bool:
    """Whether the key was obeyed: a kill before that proves nothing."""
    return any(folder.header().kind == kind for folder in job_folders(workspace))


def _accepted(workspace: Workspace) -> int:
    with Store.open(workspace.database, readonly=True) as store:
        return store.counts.by_status.get("accepted", 0)
