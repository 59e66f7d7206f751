"""The lock: one process a job; a lock whose process is gone, or whose pid is another's now, is stale."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from studio.jobs.process.lock import Holder, Lock, LockHeldError, holder

HOLD = """
import sys
from pathlib import Path
from studio.jobs.process.lock import Lock, LockHeldError
try:
    Lock(Path(sys.argv[1])).acquire()
except LockHeldError:
    print("refused", flush=True)
else:
    print("held", flush=True)
sys.stdin.read()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def own() -> Holder:
    found = Holder.of(os.getpid())
    assert found is not None
    return found


def test_it_is_held_until_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path):
        found = holder(path)
        assert found is not None
        assert found.pid == os.getpid()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(LockHeldError):
            Lock(path).acquire()
    assert holder(path) is None
    Lock(path).acquire()


def test_another_process_is_refused_until_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = start_holder(path)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(LockHeldError) as refused:
        Lock(path).acquire()
    assert refused.value.holder.pid == child.pid
    child.kill()
    # Still a zombie here: that is no holder either.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert holder(path) is None
    Lock(path).acquire()
    child.communicate(timeout=10)


def test_a_reused_pid_is_seen_through(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    me = own()
    earlier = me.model_copy(update={"started": me.started - 3600, "uptime": (me.uptime or 0) - 3600})
    path.write_text(earlier.model_dump_json())
    assert holder(path) is None
    Lock(path).acquire()
    assert holder(path) == me


def test_a_clock_that_was_set_does_not_make_a_lock_stale(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(own().model_copy(update={"started": own().started - 7200}).model_dump_json())
    assert holder(path) is not None
    with pytest.raises(LockHeldError):
        Lock(path).acquire()


def test_a_pid_without_uptime_is_known_by_its_start(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(own().model_copy(update={"uptime": None}).model_dump_json())
    assert holder(path) is not None
    path.write_text(own().model_copy(update={"uptime": None, "started": 0.0}).model_dump_json())
    assert holder(path) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 40, b'{"pid": 1', b'{"pid": -5, "started": 1}', b'{"pid": 99999999, "started": 1}'],
)
def test_an_unreadable_or_impossible_lock_is_free(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(content)
    assert holder(path) is None
    Lock(path).acquire()
    assert holder(path) == own()


@pytest.mark.slow
def test_of_many_at_once_one_gets_a_stale_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(own().model_copy(update={"started": 0.0, "uptime": 0.0}).model_dump_json())
    children = [start_holder(path) for _ in range(4)]
    said = [child.stdout.readline() for child in children if child.stdout is not None]
    assert sorted(said) == ["held\n"] + ["refused\n"] * 3
    for child in children:
        child.communicate(timeout=10)
