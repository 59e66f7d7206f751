"""`generate` as a person types it: preview, quote, agreement, top-up, steering."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.jobs.generate.leaving import AGREED_FILE
from studio.jobs.generate.steering import read_steering
from studio.jobs.process.lock import holder
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step
from tests.fixtures.tiny_recipe import TINY
from tests.unit.commands.conftest import Studio

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    running = MessagesServer().start()
    yield running
    running.stop()


@pytest.fixture
def paid(studio: Studio, workspace: Path, server: MessagesServer) -> tuple[str, ...]:
    studio.environment["ANTHROPIC_API_KEY"] = "sk-test"
    (Workspace(workspace).recipes / "tiny.toml").write_text(TINY, encoding="utf-8")
    return ("generate", "-w", str(workspace), "--teacher", "anthropic", "--base-url", server.url)


def test_from_the_preview_to_the_top_up(
    studio: Studio, workspace: Path, paid: tuple[str, ...], server: MessagesServer
) -> None:
    refused = studio.run(*paid, "--recipe", "tiny", "--count", "60")
    assert refused.returncode == 1
    assert "Nobody has agreed yet" in refused.stderr
    assert server.count == 0

    shown = studio.run(*paid, "--recipe", "tiny", "--preview", "--agree")
    assert shown.returncode == 0, shown.stderr
    assert "persona.toml: the glossary" in shown.stdout
    assert (Workspace(workspace).data / AGREED_FILE).exists()
    assert shown.stdout.count("What does the owl do first") == 3
    assert "3 examples tried, $0." in shown.stdout
    assert server.count == 3

    lines = studio.json(*paid, "--recipe", "tiny", "--count", "100", "--quote", "--budget", "0.01")
    quote = json.loads(lines[-1]["text"])
    assert (quote["examples"], quote["guessed"], quote["exceeds_budget"]) == (100, [], True)
    assert quote["batch_usd"][1] == pytest.approx(quote["live_usd"][1] / 2, abs=1e-5)
    assert server.count == 3

    made = studio.run(*paid, "--slot", "tiny/rust", "--count", "8")
    assert made.returncode == 0, made.stdout + made.stderr
    more = studio.run(*paid, "--slot", "tiny/rust", "--more", "1")
    assert more.returncode == 0, more.stdout + more.stderr
    assert "of 1 examples" in more.stdout


def test_at_the_cap_it_stops_says_what_is_missing_and_goes_on_with_a_higher_one(
    studio: Studio, workspace: Path, paid: tuple[str, ...], server: MessagesServer
) -> None:
    arguments = ("--slot", "tiny/rust", "--count", "40", "--max-tokens", "512", "--agree")
    lines = studio.json(*paid, *arguments, "--budget", "0.04")
    end = next(line for line in lines if line["type"] == "finished")
    assert (end["state"], end["result"]["at_cap"]) == ("stopped", True)
    assert "of tiny" in end["result"]["missing"]
    assert server.billed_usd <= 0.04
    job = next(line["id"] for line in lines if line["type"] == "job")
    folder = Workspace(workspace).jobs / job
    done = studio.run("generate", "-w", str(workspace), "--steer", job[:8], "--concurrency", "3")
    assert done.returncode == 0, done.stderr
    assert read_steering(folder).concurrency == 3
    lines = studio.json("generate", "-w", str(workspace), "--resume", job, "--budget", "5")
    end = next(line for line in lines if line["type"] == "finished")
    assert end["result"]["at_cap"] is False
    assert end["state"] == "done"
    nobody = studio.run("generate", "-w", str(workspace), "--steer", "nobody", "--concurrency", "3")
    assert nobody.returncode == 1
    assert "no generate job nobody" in nobody.stderr


def test_a_running_job_pauses_goes_on_asks_again_and_stops(
    studio: Studio, workspace: Path, paid: tuple[str, ...], server: MessagesServer
) -> None:
    server.choose = lambda number: Step("hold" if number >= 2 else "good")
    lines = studio.json(*paid, "--recipe", "tiny", "--count", "40", "--agree", "--detach")
    job = next(line["id"] for line in lines if line["type"] == "job")
    events = Workspace(workspace).jobs / job / "events.jsonl"
    server.wait_for_requests(3)
    here = ("generate", "-w", str(workspace))
    paused = studio.run(*here, "--pause", job[:8])
    assert paused.returncode == 0, paused.stderr
    assert f"--resume {job[:8]}" in paused.stdout
    server.held.set()
    wait_for(lambda: '"type":"paused"' in events.read_text())
    asked = studio.run(*here, "--steer", job, "--slot", "tiny/python")
    assert asked.returncode == 0, asked.stderr
    assert read_steering(events.parent).again == ("tiny/python",)
    server.held.clear()
    went_on = studio.run(*here, "--resume", job, "--detach")
    assert went_on.returncode == 0, went_on.stderr
    wait_for(lambda: '"type":"resumed"' in events.read_text())
    stopped = studio.run(*here, "--stop", job)
    assert stopped.returncode == 0, stopped.stderr
    server.held.set()
    wait_for(lambda: '"state":"stopped"' in events.read_text())
    wait_for(lambda: holder(events.with_name("lock")) is None)
    again = studio.run(*here, "--stop", job)
    assert again.returncode == 1
    assert "does not run" in again.stderr


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_a_preview_wants_a_recipe(studio: Studio, workspace: Path) -> None:
    done = studio.run("generate", "-w", str(workspace), "--preview")
    assert done.returncode == 1
    assert "Name what to preview" in done.stderr
    offline = studio.run("generate", "-w", str(workspace), "--preview", "--recipe", "turkish")
    assert offline.returncode == 0
    assert "they cost nothing" in offline.stdout
