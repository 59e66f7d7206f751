"""An editor that does not end: Ctrl-C is its own, and pressed often enough ends it without ending the studio."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from studio.jobs.events import JobError
from studio.jobs.review.editor import MOST_BYTES, PRESSES, edit_in_editor


def test_ctrl_c_pressed_often_enough_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    script = tmp_path / "editor.py"
    script.write_text(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"open({str(ready)!r}, 'w').close()\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")

    ended = threading.Event()

    def press() -> None:
        ready.open().close()
        # Two at one moment would be one signal to the kernel; a person's fingers are slower.
        for _ in range(PRESSES * 100):
            os.kill(os.getpid(), signal.SIGINT)
            if ended.wait(0.05):
                return

    before = signal.getsignal(signal.SIGINT)
    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        with pytest.raises(JobError, match="ended with code -9"):
            edit_in_editor("x")
    finally:
        # Whatever is still on its way finds this, not the test runner.
        signal.signal(signal.SIGINT, lambda *_: None)
        ended.set()
        pressing.join()
        signal.signal(signal.SIGINT, before)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "editor.py"
    script.write_text(f"import sys\nopen(sys.argv[-1], 'w').truncate({MOST_BYTES + 1})\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    with pytest.raises(JobError, match="more than"):
        edit_in_editor("x")
