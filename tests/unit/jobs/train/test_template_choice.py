"""A base without a chat template: trained with one by choice, which then goes wherever the checkpoint goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store.live import AsyncStore
from studio.jobs.events import JobError
from studio.jobs.train import states
from studio.jobs.train.job import Spec, run
from studio.workspace import Workspace
from tests.fixtures.tiny_model import write_tiny_llama
from tests.unit.jobs.train.test_job import CONFIG, collect, prepared
from tests.unit.jobs.train.test_job import accepted as accepted


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A base whose tokenizer has the tokens of ChatML, and says of them nothing but that."""
    folder = write_tiny_llama(tmp_path / "bare")
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text())
    del config["chat_template"]
    config["eos_token"] = "<|endoftext|>"
    file.write_text(json.dumps(config))
    model = json.loads((folder / "config.json").read_text()) | {"eos_token_id": 0}
    (folder / "config.json").write_text(json.dumps(model))
    return folder


async def test_without_a_choice_the_base_is_refused_and_the_choice_is_named(
    workspace: Workspace, accepted: AsyncStore, bare: Path
) -> None:
    spec = Spec(name="r1", base=str(bare), config=CONFIG)
    with pytest.raises(JobError, match="no chat template") as refused:
        await collect(run(spec, await prepared(workspace, accepted, spec)))
    assert "--template" in refused.value.to_do and refused.value.cause == "base"


@pytest.mark.slow
async def test_the_chosen_template_is_trained_and_goes_along_into_chat_and_deployment(
    workspace: Workspace, accepted: AsyncStore, bare: Path
) -> None:
    from studio.jobs.deploy.reference import make_reference
    from studio.lm.generate import generate_replies
    from studio.lm.load import load
    from studio.lm.sampling import Sampling

    spec = Spec(name="r1", base=str(bare), config=CONFIG.model_copy(update={"epochs": 12}), template="chatml")
    await collect(run(spec, await prepared(workspace, accepted, spec)))
    newest = max(states.saved(workspace.checkpoints / "r1"))[1]
    assert json.loads((newest / "adapter_config.json").read_text())["chat_template"] == "chatml"

    loaded = load(bare, newest)
    (reply,) = generate_replies(
        loaded,
        [
            [
                {"role": "system", "content": "You are JESSY, warm and short."},
                {"role": "user", "content": "devam"},
            ]
        ],
        Sampling(temperature=0.0, repeat_penalty=1.0),
        max_tokens=200,
    )
    # The end token was learned, and ends the reply where it is asked with the same template.
    assert len(reply) < 150
    assert "<|im_end|>" not in reply
    reference = make_reference(loaded, "You are JESSY.")
    assert reference.template is not None
    assert reference.template.user.before == "<|im_start|>user\n"
    assert "<|im_end|>" in reference.stop_texts

    with pytest.raises(JobError, match="template chatml \\(now None\\)"):
        second = spec.model_copy(
            update={"name": "r2", "template": None, "from_checkpoint": workspace.relative(newest)}
        )
        await prepared(workspace, accepted, second)
