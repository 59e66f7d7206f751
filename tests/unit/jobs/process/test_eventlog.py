"""The events file: numbered without gaps, whole after a cut at any byte, readable whatever is in it."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.jobs.events import Event, Finished, Log, Metrics, Progress, Recorded, Saved, Started
from studio.jobs.process import eventlog
from studio.jobs.process.eventlog import EventLog, UnwritableEventError
from studio.jobs.process.files import sync
from studio.jobs.process.tail import BadLine, EventTail

STARTED = Started(kind="rehearsal", title="Prova: ışık, 🦉 [/red]")


def written(path: Path, *events: Event) -> None:
    log = EventLog(path)
    for event in events:
        log.append(event)
    log.close()


def read_all(path: Path, after: int = 0) -> list[Recorded | BadLine]:
    tail, found = EventTail(path, after), []
    while batch := tail.read(3):
        found += batch
    return found


def numbers(path: Path) -> list[int]:
    return [item.n for item in read_all(path) if isinstance(item, Recorded)]


def test_events_are_numbered_from_one_and_read_back_equal(tmp_path: Path) -> None:
    events = (
        STARTED,
        Progress(done=1, unit="examples"),
        Log(text="a\nb\u2028c\x00\x1b[31m"),
        Finished(summary="ok"),
    )
    written(tmp_path / "e", *events)
    found = read_all(tmp_path / "e")
    assert [item.n for item in found if isinstance(item, Recorded)] == [1, 2, 3, 4]
    assert tuple(item.event for item in found if isinstance(item, Recorded)) == events


def test_the_file_is_private_also_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "e"
    path.touch(mode=0o644)
    written(path, STARTED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_cut_at_every_byte_loses_only_the_cut_event(tmp_path: Path) -> None:
    path = tmp_path / "e"
    written(path, Log(text="ş"), Saved(table="examples", document={"id": "🦉"}))
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)
        whole_lines = max([0, *(end for end in ends if end <= cut)])
        assert numbers(path) == list(range(1, kept + 1)), "a reader does not take a torn line"
        log = EventLog(path)
        assert log.torn_bytes == cut - whole_lines
        assert log.append(Log(text="goes on")).n == kept + 1
        log.close()
        assert numbers(path) == list(range(1, kept + 2))


def test_a_torn_tail_longer_than_a_block_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "e"
    written(path, STARTED)
    with path.open("ab") as file:
        file.write(b'{"n":2,' + b"x" * 200_000)
    log = EventLog(path)
    assert (log.torn_bytes, log.last_n) == (200_007, 1)
    log.close()


def test_the_last_number_is_found_behind_long_lines(tmp_path: Path) -> None:
    path = tmp_path / "e"
    written(path, STARTED, Log(text="y" * 300_000), Log(text="z" * 65_536))
    log = EventLog(path)
    assert log.last_n == 3
    log.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00\x00\xff\xfe",
        b"not json",
        b"",
        b'{"n":2}',
        b'{"n":2,"at":"2026-01-01T00:00:00Z","event":{"type":"from the future"}}',
        b'{"n":2,"at":"2026-01-01T00:00:00Z","event":{"type":"log","text":"\\ud800"}}',
        b'{"n":' + b"9" * 400 + b"}",
        b'{"n":2,"event":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"n":1,"at":"2026-01-01T00:00:00Z","event":{"type":"log","text":"again"}}',
    ],
)
def test_a_bad_line_is_named_and_skipped_and_the_rest_is_kept(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "e"
    written(path, STARTED)
    with path.open("ab") as file:
        file.write(garbage + b"\n")
    written(path, Log(text="after"))
    found = read_all(path)
    assert [item.line for item in found if isinstance(item, BadLine)] == [2]
    good = [item.event for item in found if isinstance(item, Recorded)]
    assert good == [STARTED, Log(text="after")]


def test_numbers_go_on_after_an_unreadable_line_without_using_its_number_again(tmp_path: Path) -> None:
    path = tmp_path / "e"
    written(path, STARTED)
    with path.open("ab") as file:
        file.write(b"damaged\n")
    log = EventLog(path)
    assert log.append(Log(text="x")).n == 3
    log.close()


def test_hostile_text_is_written_as_json_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "e"
    hostile = "a\ud800b \x00 \u202e [/red] \x1b]0;x\x07 \ud83e\udd89" + "x" * 1_000_000
    written(path, Log(text=hostile), Saved(table="examples", document={"id": "1", "k\udfff": [hostile]}))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    text = lines[0]["event"]["text"]
    assert text.startswith("a\ufffdb \x00 \u202e [/red] \x1b]0;x\x07 🦉")
    assert len(text) == len(hostile) - 1
    assert lines[1]["event"]["document"] == {"id": "1", "k\ufffd": [text]}
    assert numbers(path) == [1, 2]


def test_not_a_number_survives_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "e"
    written(path, Metrics(step=1, values={"train_loss": math.nan, "grad_norm": math.inf}))
    (item,) = read_all(path)
    assert isinstance(item, Recorded)
    assert isinstance(item.event, Metrics)
    assert math.isnan(item.event.values["train_loss"])
    assert item.event.values["grad_norm"] == math.inf


@pytest.mark.parametrize("depth", [210, 300, 100_000])
def test_what_could_not_be_read_back_is_refused_and_leaves_no_trace(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "e"
    deep: dict[str, Any] = {}
    for _ in range(depth):
        deep = {"a": deep}
    log = EventLog(path)
    with pytest.raises(UnwritableEventError):
        log.append(Saved(table="examples", document=deep))
    assert log.append(Log(text="next")).n == 1
    log.close()


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from studio.jobs.events import Log, Saved
from studio.jobs.process.eventlog import EventLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = EventLog(Path(sys.argv[1]))
log.append(Log(text="first"))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    log.append(Saved(table="examples", document={"id": "x" * 10_000}))
except OSError as error:
    print(error.errno)
print(log.append(Log(text="second")).n)
log.close()
"""
    path = tmp_path / "e"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [str(errno.EFBIG), "2"]
    assert numbers(path) == [1, 2]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_durable_events_are_on_the_disk_before_they_count_and_others_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def recording(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(eventlog, "sync", recording)
    log = EventLog(tmp_path / "e")
    log.append(STARTED)
    assert synced[-1] == log.end == (tmp_path / "e").stat().st_size
    count = len(synced)
    log.append(Log(text="cheap"))
    assert len(synced) == count
    assert log.end == (tmp_path / "e").stat().st_size, "not held back in this process"
    log.append(Finished(summary="ok"))
    assert synced[-1] == log.end
    log.close()


def test_what_a_killed_process_left_is_synced_before_it_is_built_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "e", STARTED)
    synced: list[int] = []
    monkeypatch.setattr(eventlog, "sync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    log = EventLog(tmp_path / "e")
    assert synced == [log.end]
    log.close()


class TestTail:
    def test_it_goes_on_where_it_stopped_and_waits_for_the_newline(self, tmp_path: Path) -> None:
        path = tmp_path / "e"
        tail = EventTail(path)
        assert not tail.pending()
        assert tail.read() == []
        log = EventLog(path)
        log.append(STARTED)
        assert tail.pending()
        assert [item.n for item in tail.read() if isinstance(item, Recorded)] == [1]
        assert tail.read() == []
        assert not tail.pending()
        line = log.append(Log(text="x")).model_dump_json().encode()
        os.truncate(path, path.stat().st_size - 1)
        assert tail.read() == []
        assert not tail.pending(), "a torn tail that does not grow is not read again and again"
        with path.open("ab") as file:
            file.write(b"\n")
        assert tail.pending()
        assert [item.n for item in tail.read() if isinstance(item, Recorded)] == [2]
        assert line
        log.close()

    def test_after_skips_what_was_read_before(self, tmp_path: Path) -> None:
        path = tmp_path / "e"
        written(path, *(Log(text=str(index)) for index in range(10)))
        assert [item.n for item in read_all(path, after=7) if isinstance(item, Recorded)] == [8, 9, 10]

    def test_what_is_skipped_may_be_longer_than_a_read(self, tmp_path: Path) -> None:
        path = tmp_path / "e"
        written(path, *(Log(text="x" * 1000) for _ in range(50)))
        tail = EventTail(path, after=49)
        assert [item.n for item in tail.read(max_bytes=2000) if isinstance(item, Recorded)] == [50]

    def test_skip_read_goes_to_the_end_only_when_all_was_read(self, tmp_path: Path) -> None:
        path = tmp_path / "e"
        written(path, *(Log(text=str(index)) for index in range(10)))
        behind, level = EventTail(path, after=9), EventTail(path, after=10)
        behind.skip_read()
        level.skip_read()
        assert [item.n for item in behind.read() if isinstance(item, Recorded)] == [10]
        assert not level.pending()
        written(path, Log(text="new"))
        assert level.pending()
        assert [item.n for item in level.read() if isinstance(item, Recorded)] == [11]

    def test_a_replaced_shorter_file_is_read_from_its_start(self, tmp_path: Path) -> None:
        path = tmp_path / "e"
        written(path, *(Log(text="long " * 20) for _ in range(3)))
        tail = EventTail(path)
        assert len(tail.read()) == 3
        path.unlink()
        written(path, *(Log(text=str(index)) for index in range(4)))
        assert [item.n for item in tail.read() if isinstance(item, Recorded)] == [4]
