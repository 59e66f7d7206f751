"""Tags: versions that never meet, and which document is current."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from store.models import Deployment, now
from studio.jobs.deploy.inputs import Spec
from studio.jobs.deploy.names import moving_tag, name_of, of_name, version_tag, with_current


def deployment(tag: str, *, age: int = 0, current: bool = False) -> Deployment:
    return Deployment(
        id=tag.replace(":", "-"),
        created_at=now() - timedelta(hours=age),
        tag=tag,
        checkpoint_id="c",
        run_id="r",
        current=current,
    )


def test_a_version_names_run_step_and_quantization() -> None:
    assert version_tag("jessy-complete", "demo", 100, "f16", ()) == "jessy-complete:demo-100-f16"


def test_a_taken_version_gets_a_number_whatever_its_case() -> None:
    taken = ["jessy:Demo-100-q8_0", "jessy:demo-100-q8_0.2"]

    assert version_tag("jessy", "demo", 100, "q8_0", taken) == "jessy:demo-100-q8_0.3"


@pytest.mark.parametrize("run", ["../../etc", "a b/ç", "-", "x" * 300, ""])
def test_any_run_name_makes_a_tag_that_ollama_takes(run: str) -> None:
    _, _, tag = version_tag("jessy", run, 7, "q4_K_M", ()).partition(":")

    assert 0 < len(tag) <= 80
    assert tag[0].isalnum()
    assert set(tag) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@pytest.mark.parametrize("name", ["", "a:b", "a b", "../x", "a/b/c", "-a", "ş", "a" * 90])
def test_a_name_that_ollama_would_refuse_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValidationError):
        Spec(checkpoint_id="c", tag=name)


def test_moving_tag_and_name_are_each_others_inverse() -> None:
    assert name_of(moving_tag("me/jessy")) == "me/jessy"


def test_only_documents_that_change_are_written() -> None:
    old, new = deployment("j:1", age=2, current=True), deployment("j:2", age=1)

    assert with_current([old, new], new.id) == [
        old.model_copy(update={"current": False}),
        new.model_copy(update={"current": True}),
    ]
    assert with_current([new], None) == []


def test_deployments_of_a_name_come_oldest_first() -> None:
    first, second, other = deployment("j:1", age=3), deployment("j:2", age=1), deployment("k:1", age=2)

    assert of_name([second, other, first], "j") == [first, second]
