"""Arguments, exit codes and which workspace is meant."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from subprocess import PIPE, Popen, run
from sys import executable

import pytest

from studio.cli import COMMANDS, HIDDEN
from tests.unit.commands.conftest import Studio


def test_help_lists_every_command_and_exits_0(studio: Studio) -> None:
    done = studio.run("--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert not any(name in done.stdout for name in HIDDEN)


@pytest.mark.parametrize("name", [*COMMANDS, *HIDDEN])
def test_every_command_is_there_and_explains_itself(studio: Studio, name: str) -> None:
    command = importlib.import_module(f"studio.commands.{name}").command
    assert command.name == name
    done = studio.run(name, "--help")
    assert done.returncode == 0
    assert command.help.split(".")[0].split(" (")[0][:40] in done.stdout.replace("\n  ", " ")


def test_the_readme_lists_every_command() -> None:
    table = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name != "open" and f"| `{name}" not in table] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["statuss"], "Did you mean 'status'?"),
        (["status", "--nothing"], "No such option"),
        (["restore"], "Missing argument"),
        (["status", "-w", "nowhere"], "is not a workspace"),
        (["status"], "jessy-studio init"),
        ([], "is not a workspace"),
        (["./nowhere"], "is not a workspace"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_wrong_arguments_exit_with_2_and_say_why(studio: Studio, arguments: list[str], words: str) -> None:
    done = studio.run(*arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_version(studio: Studio) -> None:
    from importlib.metadata import version

    done = studio.run("--version")
    assert (done.returncode, done.stdout) == (0, f"jessy-studio {version('jessy-studio')}\n")


def test_the_workspace_is_named_in_four_ways(studio: Studio, workspace: Path) -> None:
    def found(*arguments: str | Path, cwd: Path | None = None) -> str:
        done = studio.run(*arguments, "--json", cwd=cwd)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["workspace"])

    assert found("status", "-w", workspace) == str(workspace)
    assert found("-w", workspace, "status") == str(workspace)
    assert found("status", cwd=workspace) == str(workspace)
    studio.environment["JESSY_WORKSPACE"] = str(workspace)
    assert found("status") == str(workspace)


@pytest.mark.parametrize("arguments", [["{workspace}"], ["open", "{workspace}"], ["-w", "{workspace}"]])
def test_the_studio_in_a_pipe_says_that_it_needs_a_terminal(
    studio: Studio, workspace: Path, arguments: list[str]
) -> None:
    done = studio.run(*(argument.format(workspace=workspace) for argument in arguments))
    assert done.returncode == 1
    assert "needs a terminal" in done.stderr


def test_init_makes_a_workspace_and_keeps_what_is_there(studio: Studio, tmp_path: Path) -> None:
    place = tmp_path / "new"
    (made,) = studio.json("init", place)
    assert made["created"] is True
    persona = place / "data" / "persona.toml"
    persona.write_text(persona.read_text(encoding="utf-8").replace("JESSY", "ADA"), encoding="utf-8")
    (place / "data" / "sources.toml").unlink()
    (again,) = studio.json("init", place)
    assert again["created"] is False
    assert "ADA" in persona.read_text(encoding="utf-8")
    assert (place / "data" / "sources.toml").exists()


def test_init_where_nothing_can_be_written_fails_with_1(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = studio.run("init", tmp_path / "file" / "inside")
    assert done.returncode == 1
    assert "No workspace could be made" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_clicks_own(studio: Studio, shell: str) -> None:
    done = studio.run("completion", shell)
    assert done.returncode == 0
    assert f"_JESSY_STUDIO_COMPLETE={shell}_complete" in done.stdout


def test_completion_offers_commands_and_folders(studio: Studio) -> None:
    studio.environment |= {
        "_JESSY_STUDIO_COMPLETE": "bash_complete",
        "COMP_WORDS": "jessy-studio st",
        "COMP_CWORD": "1",
    }
    done = studio.run()
    assert done.stdout.splitlines() == ["plain,status", "dir,st"]


def test_help_costs_at_most_150_ms_more_than_bare_python(studio: Studio) -> None:
    def seconds(*arguments: str) -> float:
        # Processor time of the child: on a busy machine the clock on the wall measures the others.
        before = getrusage(RUSAGE_CHILDREN)
        run([executable, *arguments], env=studio.variables, capture_output=True, check=True)
        after = getrusage(RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    help_of = ("-c", "from studio.cli import main; main()", "--help")  # as the installed script does
    seconds(*help_of)  # bytecode is written
    bare = min(seconds("-c", "pass") for _ in range(5))
    assert min(seconds(*help_of) for _ in range(5)) - bare <= 0.150


def test_a_terminal_without_unicode_gets_no_traceback(studio: Studio, workspace: Path) -> None:
    studio.environment |= {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = studio.run("status", "-w", workspace)
    assert (done.returncode, done.stderr) == (0, "")
    assert "examples" in done.stdout


def test_a_reader_that_goes_away_is_no_error_to_tell(studio: Studio) -> None:
    with Popen(
        studio.command("completion", "bash"), env=studio.variables, stdout=PIPE, stderr=PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1
