"""What requests to an account cost: at most before they are sent, and really once their answer is here."""

from __future__ import annotations

from studio.jobs import events
from studio.jobs.generate.pricing import cost_usd, worst_case_usd
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account
from studio.jobs.generate.teachers.messages import Reply
from studio.jobs.generate.units import Unit


class PriceTag:
    """The prices of one account; nothing costs anything where it is not paid."""

    def __init__(self, account: Account, *, max_tokens: int, batch: bool = False) -> None:
        self._account = account
        self._max_tokens = max_tokens
        self._batch = batch

    def worst(self, prompt: Request) -> float:
        """Return what a request can cost at most; 0 where its price is not known, which no budget allows."""
        if not self._account.paid:
            return 0.0
        model = prompt.model or self._account.model
        text = prompt.system + prompt.user
        return worst_case_usd(model, text, prompt.max_tokens or self._max_tokens, batch=self._batch) or 0.0

    def real(self, reply: Reply, prompt: Request | None = None) -> float | None:
        """Return what an answer costs; None where that is not known, or costs nothing."""
        if not self._account.paid:
            return None
        # A server may answer with a name that has a date, or one of its own, whose price is not known.
        asked = (prompt.model if prompt else None) or self._account.model
        for model in (reply.model, asked):
            cost = cost_usd(
                model,
                reply.input_tokens,
                reply.output_tokens,
                cache_write_tokens=reply.cache_write_tokens,
                cache_read_tokens=reply.cache_read_tokens,
                batch=self._batch,
            )
            if cost is not None:
                return cost
        return None

    def event(self, unit: Unit, reply: Reply, prompt: Request | None = None) -> events.Unit:
        """Return the event that keeps a unit's answer."""
        return events.Unit(
            unit_id=unit.id,
            state="failed" if reply.fault else "done",
            reason=reply.fault,
            text=reply.text,
            model=reply.model,
            request_id=reply.request_id,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=self.real(reply, prompt),
        )
