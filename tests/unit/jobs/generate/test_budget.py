"""No fault, retry or kill passes the budget; the server counts what it bills."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from store.models import GenerationRun
from studio.jobs.events import Finished, JobError, Log, Saved, Unit
from studio.jobs.generate.budget import ATTEMPTS_FILE, Budget, UnaffordableError
from studio.jobs.generate.order import Spec
from studio.jobs.generate.steering import steer
from tests.fixtures.messages_server import MessagesServer, Step
from tests.unit.jobs.generate.conftest import Drive, OrderJob

FAULTS = ("good", "cut json", "cut body", "cut connection", "max_tokens", "429", "529", "500", "refusal")


@pytest.mark.parametrize("seed", range(4))
async def test_the_budget_holds_with_four_in_flight_and_every_fault(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, seed: int
) -> None:
    pick = random.Random(seed)
    plan = [pick.choice(FAULTS) for _ in range(200)]
    server.choose = lambda n: Step("status", int(plan[n])) if plan[n].isdigit() else Step(plan[n])
    spec = paid_spec.model_copy(update={"concurrency": 4, "count": 60, "budget_usd": 0.15})
    folder = await order_job(spec)
    for _ in range(3):
        # Resumed after each end, as a person would: the money that is gone stays gone.
        events = await drive(folder)
        assert server.billed_usd <= 0.15
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["at_cap"]) == ("stopped", True)
    assert "stopped at the cap of $0.15" in end.summary
    assert "of tiny. Go on with a higher one" in end.summary
    assert server.billed_usd > 0.05, "it stopped long before the money was gone"


async def test_without_faults_the_budget_is_used_nearly_to_its_end(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    spec = paid_spec.model_copy(update={"concurrency": 4, "count": 60, "budget_usd": 0.15})
    events = await drive(await order_job(spec))
    assert isinstance(events[-1], Finished)
    # One request costs 0.022 at its worst: what is left would not have paid for one more.
    assert 0.15 - 0.03 < server.billed_usd <= 0.15
    spent = sum(event.cost_usd or 0 for event in events if isinstance(event, Unit))
    assert spent == pytest.approx(server.billed_usd)
    runs = [e.document for e in events if isinstance(e, Saved) and e.table == "generation_runs"]
    assert GenerationRun.model_validate(runs[-1]).spent_usd == pytest.approx(spent)


async def test_a_budget_that_pays_for_nothing_sends_nothing(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    events = await drive(await order_job(paid_spec.model_copy(update={"budget_usd": 0.001})))
    assert isinstance(events[-1], Finished)
    assert events[-1].result["missing"] == "12 of tiny"
    assert server.asked == []


async def test_a_higher_cap_lets_it_go_on(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    folder = await order_job(paid_spec.model_copy(update={"budget_usd": 0.03}))
    events = await drive(folder)
    assert isinstance(events[-1], Finished)
    assert events[-1].result["at_cap"]
    steer(folder.path, budget_usd=1.0)
    events = await drive(folder)
    assert isinstance(events[-1], Finished)
    assert (events[-1].state, events[-1].result["examples"]) == ("done", 12)


async def test_a_budget_needs_a_price(order_job: OrderJob, paid_spec: Spec) -> None:
    spec = paid_spec.model_copy(update={"model": "unheard-of", "budget_usd": 1.0})
    with pytest.raises(JobError, match="price of unheard-of is not known"):
        await order_job(spec)


async def test_what_may_have_been_paid_is_told_at_a_resume(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = [Step("cut body")]
    folder = await order_job(paid_spec)
    end = (await drive(folder))[-1]
    assert isinstance(end, Finished)
    assert "1 requests were sent whose answer did not arrive, and may have cost up to $0." in end.summary
    again = [event.text for event in await drive(folder) if isinstance(event, Log)]
    assert again[0].startswith("1 requests were sent whose answer did not arrive")


class TestBudget:
    """The books themselves."""

    @staticmethod
    def budget(
        folder: Path, limit: float | None = 1.0, spent: float = 0.0, answered: tuple[str, ...] = ()
    ) -> Budget:
        return Budget(folder, limit, spent=lambda: spent, answered=answered)

    def test_what_is_in_flight_counts_at_its_worst(self, tmp_path: Path) -> None:
        budget = self.budget(tmp_path)
        budget.begin("a", 0.6)
        with pytest.raises(UnaffordableError):
            budget.begin("b", 0.5)
        budget.begin("b", 0.4)
        budget.free("a")
        assert budget.committed_usd == pytest.approx(0.4)
        budget.settle("b")
        assert budget.committed_usd == 0

    def test_what_is_lost_counts_for_good_and_after_a_kill(self, tmp_path: Path) -> None:
        budget = self.budget(tmp_path)
        budget.begin("a", 0.3)
        budget.lose("a")
        budget.begin("a", 0.3)
        budget.begin("b", 0.2)
        budget.begin("c", 0.1)
        budget.free("c")
        assert budget.committed_usd == pytest.approx(0.8)
        # Killed here: a has an answer among the events, which cost 0.05; b was in flight.
        again = self.budget(tmp_path, spent=0.05, answered=("a",))
        assert (again.lost, again.lost_usd) == (2, pytest.approx(0.5))
        assert again.committed_usd == pytest.approx(0.55)

    def test_a_torn_or_damaged_line_costs_no_other(self, tmp_path: Path) -> None:
        file = tmp_path / ATTEMPTS_FILE
        file.write_text('{"unit": "a", "usd": 0.1}\nnoise\n[1]\n{"unit": "b", "usd": 0.2}\n{"unit": "c", "us')
        budget = self.budget(tmp_path)
        assert budget.lost_usd == pytest.approx(0.3)
        budget.begin("d", 0.1)
        assert self.budget(tmp_path).lost_usd == pytest.approx(0.4)
        assert file.stat().st_mode & 0o077 == 0

    def test_without_a_limit_everything_is_affordable_and_still_counted(self, tmp_path: Path) -> None:
        budget = self.budget(tmp_path, limit=None)
        budget.begin("a", 10.0)
        assert budget.affords(1e9)
        assert budget.committed_usd == 10.0
