"""GGUFs written from fused weights, full disks and damaged files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from studio.jobs.deploy.fuse import read_fused
from studio.jobs.deploy.gguf_file import folder_name, permuted, write_gguf
from studio.jobs.events import JobError
from studio.lm.base import resolve_base
from studio.lm.embedded import EMBEDDED, embedded_gguf
from studio.lm.gguf_folder import write_model_folder


def test_rows_are_put_back_as_the_base_was_read() -> None:
    rows = np.arange(2 * 8 * 3).reshape(16, 3)
    heads = 2

    # How studio.lm.gguf_folder undoes it.
    undone = permuted(rows, heads).reshape(heads, 4, 2, 3).swapaxes(1, 2).reshape(16, 3)

    assert (undone == rows).all()
    assert not (permuted(rows, heads) == rows).all()


def test_a_tensor_that_no_llama_has_is_not_renamed() -> None:
    assert folder_name("blk.3.attn_q.weight") == "model.layers.3.self_attn.q_proj.weight"
    with pytest.raises(KeyError):
        folder_name("blk.3.ffn_gate_exps.weight")


@pytest.mark.slow
def test_a_written_gguf_reads_back_as_the_weights_it_was_written_from(fused: Path, tmp_path: Path) -> None:
    size = write_gguf(embedded_gguf(), fused, tmp_path / "model.gguf")
    again = tmp_path / "again"
    again.mkdir()
    write_model_folder(tmp_path / "model.gguf", again)

    assert size == (tmp_path / "model.gguf").stat().st_size
    written, read = load_file(fused / "model.safetensors"), load_file(again / "model.safetensors")
    assert written.keys() == read.keys()
    assert all(np.array_equal(written[name], read[name]) for name in written)
    base = load_file(resolve_base(EMBEDDED) / "model.safetensors")
    changed = {name for name in base if not np.array_equal(base[name], written[name])}
    assert changed == {
        f"model.layers.{layer}.self_attn.{part}_proj.weight" for layer in range(26, 30) for part in "qkvo"
    }


@pytest.mark.slow
def test_the_adapters_scale_is_in_the_fused_weights(fused: Path, adapter: Path) -> None:
    lora = load_file(adapter / "adapters.safetensors")
    base = load_file(resolve_base(EMBEDDED) / "model.safetensors")
    name = "model.layers.29.self_attn.q_proj"
    expected = 2.0 * (lora[f"{name}.lora_b"].T @ lora[f"{name}.lora_a"].T)

    fused_weight = load_file(fused / "model.safetensors")[f"{name}.weight"].astype(np.float32)
    change = fused_weight - base[f"{name}.weight"].astype(np.float32)

    # The least-squares factor between the change and the one wanted: 0.5 or 2 for a scale lost or used twice.
    assert (change * expected).sum() / (expected * expected).sum() == pytest.approx(1.0, abs=0.02)


@pytest.mark.slow
def test_a_damaged_base_gguf_is_named_and_nothing_is_left(fused: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    for content in (b"not a GGUF at all", embedded_gguf().read_bytes()[:5_000_000]):
        damaged.write_bytes(content)
        with pytest.raises(JobError, match=r"damaged\.gguf") as raised:
            write_gguf(damaged, fused, tmp_path / "model.gguf")
        assert "run this job again" in raised.value.to_do
        assert [path.name for path in tmp_path.iterdir()] == ["damaged.gguf"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from studio.jobs.deploy.fuse import read_fused, save_fused
from studio.jobs.deploy.gguf_file import write_gguf
from studio.jobs.deploy.preflight import find_base
from studio.jobs.events import JobError
from studio.lm.embedded import EMBEDDED
from studio.lm.load import load
what, fused, out = sys.argv[1], *map(Path, sys.argv[2:])
# The kernel refuses to let a file grow past this, as a full disk does: the write itself fails.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000))
base = find_base(EMBEDDED)
try:
    if what == "fuse":
        save_fused(load(base.folder), read_fused(fused), base, "gguf", out / "fused")
    else:
        write_gguf(base.gguf, fused, out / "model.gguf")
except JobError as error:
    print(error.what, error.kept, error.to_do, sep="\\n")
else:
    print("it was written")
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["fuse", "gguf"])
def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing_half_written(
    what: str, fused: Path, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, what, str(fused), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    said, kept, to_do = ran.stdout.splitlines()[-3:]
    assert said.startswith("The disk takes no more while"), ran.stderr[-2000:]
    assert "Nothing half written is left" in kept
    assert "run this job again" in to_do
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_fused_folder_with_a_file_cut_short_is_made_again(fused: Path, tmp_path: Path) -> None:
    for path in fused.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert read_fused(tmp_path) is not None

    weights = tmp_path / "model.safetensors"
    with weights.open("r+b") as file:
        file.truncate(weights.stat().st_size - 1)

    assert read_fused(tmp_path) is None
