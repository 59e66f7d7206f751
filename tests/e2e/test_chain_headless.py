"""The whole chain without a terminal, on real parts: `jessy-studio demo`, with and without an Ollama server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from store.database import Store
from studio.jobs.chain import GREETING
from studio.jobs.chain import STEPS as CHAIN
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer, find_binary
from tests.fixtures.small_demo import STEPS, demo_command, demo_environment, run_demo, small_demo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def check_documents(workspace: Workspace, *, deployed: bool) -> None:
    """Everything that the chain made can be followed back to the examples."""
    with Store.open(workspace.database, readonly=True) as store:
        assert len(store.sources) > 0
        assert store.counts.by_status["accepted"] > 0
        (run,) = store.training_runs.find()
        assert run.state == "done"
        assert run.steps == STEPS
        assert run.dataset_hash
        frozen = store.examples.find(frozen_by=run.id)
        assert len(frozen) == run.train_examples + run.valid_examples
        assert {example.split for example in frozen} == {"train", "valid"}
        assert {example.provenance.teacher for example in frozen} <= {"offline", "import"}
        (best,) = store.checkpoints.find(run_id=run.id, best=True)
        (card,) = store.scorecards.find()
        assert card.checkpoint_id == best.id
        assert [subject.subject for subject in card.subjects] == ["base", "prompted base", f"{run.name} best"]
        for subject in card.subjects:
            assert len(subject.suites) == 6
            assert all(result.reply.strip() for result in subject.results if result.score > 0)
        (session,) = store.chat_sessions.find()
        assert session.turns[0].content == GREETING
        assert session.turns[1].content.strip()
        assert session.turns[1].tokens_per_second
        deployments = store.deployments.find()
        assert len(deployments) == deployed
        if deployed:
            assert deployments[0].checkpoint_id == best.id
            assert session.model == deployments[0].tag
        else:
            assert session.model == f"local:{best.id}"


def test_the_chain_ends_with_a_scorecard_and_a_reply_and_is_done_once(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With a real server where there is one to start; where there is none the persona answers locally."""
    server: OllamaServer | None = request.getfixturevalue("ollama_server") if find_binary() else None
    workspace = small_demo(tmp_path / "demo")
    environment = demo_environment(tmp_path, server.host if server else None)
    lines = run_demo(workspace, environment)
    last = lines[-1]
    assert last["type"] == "demo"
    assert set(last["seconds"]) == (set(CHAIN) if server else set(CHAIN) - {"deploy"})
    assert last["reply"]["text"].strip()
    check_documents(workspace, deployed=server is not None)

    again = run_demo(workspace, environment, timeout=200)
    assert [line["type"] for line in again] == ["demo"]
    assert again[0]["seconds"] == {}


@pytest.mark.e2e
def test_without_a_server_the_chain_says_so_and_ends_with_a_local_reply(tmp_path: Path) -> None:
    workspace = small_demo(tmp_path / "demo")
    lines = run_demo(workspace, demo_environment(tmp_path, None))
    assert set(lines[-1]["seconds"]) == set(CHAIN) - {"deploy"}
    assert lines[-1]["reply"]["text"].strip()
    assert any("No Ollama server answers" in str(line.get("text", "")) for line in lines)
    check_documents(workspace, deployed=False)


@pytest.mark.e2e
@pytest.mark.parametrize("step", ["generate", "train", "validate"])
def test_a_second_call_goes_on_after_everything_was_killed(tmp_path: Path, step: str) -> None:
    workspace = small_demo(tmp_path / "demo")
    environment = demo_environment(tmp_path, None)
    with subprocess.Popen(
        demo_command(workspace), env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if _says_it_works_on(json.loads(line), step):
                break
        else:
            pytest.fail(f"the chain never came to {step}")
        os.kill(running.pid, signal.SIGKILL)
        running.stdout.read()
    killed = kill_jobs(workspace)
    assert killed, "the job's process had ended before it could be killed"
    lines = run_demo(workspace, environment)
    assert lines[-1]["type"] == "demo"
    # What was done before the kill is not done again.
    earlier = CHAIN[: CHAIN.index(step)]  # type: ignore[arg-type]
    assert not set(earlier) & set(lines[-1]["seconds"])
    check_documents(workspace, deployed=False)


def _says_it_works_on(line: dict[str, object], step: str) -> bool:
    if step == "generate":
        return line.get("type") == "stage" and line.get("name") == "generate"
    if step == "train":
        return line.get("type") == "metrics" and line.get("step") == 1
    return line.get("type") == "stage" and line.get("name") == "base"


def kill_jobs(workspace: Workspace) -> int:
    """SIGKILL every job process of the workspace, found by the pid in its lock, and wait for its end."""
    killed = 0
    folders = [*workspace.jobs.iterdir(), *workspace.checkpoints.iterdir()]
    for folder in folders:
        lock = folder / "lock"
        if lock.is_file() and (text := lock.read_text().strip()):
            try:
                process = psutil.Process(json.loads(text)["pid"])
                process.kill()
                process.wait(10)
            except psutil.NoSuchProcess:
                continue
            killed += 1
    return killed
