"""Examples of a local_only source are shown to no other machine, whatever is asked about them."""

from __future__ import annotations

import pytest

from store.models import Example, Message, Provenance
from studio.config.persona import load_persona
from studio.jobs.generate.order import Spec
from studio.jobs.review.asking import Asker, NoAnswerError
from studio.jobs.review.judge import Judge
from studio.jobs.review.mend import Mender
from studio.workspace import default_content

TURNS = (Message(role="user", content="q"), Message(role="assistant", content="a"))


async def test_no_other_machine_is_shown_them(monkeypatch: pytest.MonkeyPatch) -> None:
    persona = load_persona(default_content() / "persona.toml")
    private = Example(messages=TURNS, category="c", provenance=Provenance(teacher="import", local_only=True))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    # An address that nobody answers on: the refusal comes before any connection.
    asker = Asker(Spec(teacher="anthropic", model="claude-haiku-5-5", base_url="http://192.0.2.1:9"))
    try:
        assert asker.account.remote
        with pytest.raises(NoAnswerError, match="stays on this machine") as caught:
            await Mender(asker, persona).propose(private, "shorter")
        assert caught.value.cost_usd == 0
        with pytest.raises(NoAnswerError, match="stays on this machine"):
            await Judge(asker, persona).judge(private)
    finally:
        await asker.close()


async def test_a_model_of_this_machine_may_see_them() -> None:
    asker = Asker(Spec(teacher="ollama", model="small", base_url="http://127.0.0.1:9"))
    try:
        assert not asker.account.remote
        asker.check(Example(messages=TURNS, category="c", provenance=Provenance(local_only=True)))
    finally:
        await asker.close()
