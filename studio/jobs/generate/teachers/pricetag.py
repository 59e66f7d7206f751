"""What requests to an account cost: at most before they are sent, and really once their answer is here."""

from __future__ import annotations

from studio.jobs import events
from studio.jobs.generate.pricing import Tokens
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

    def most(self, prompt: Request) -> float | None:
        """Return what a request can cost at most; None where its price is not known."""
        if not self._account.paid:
            return 0.0
        text = prompt.system + prompt.user
        most = prompt.max_tokens or self._max_tokens
        return self._account.prices.most(self._asked(prompt), text, most, batch=self._batch)

    def worst(self, prompt: Request) -> float:
        """Return what a budget sets aside for a request; 0 where its price is not known, which no budget allows."""
        return self.most(prompt) or 0.0

    def real(self, reply: Reply, prompt: Request | None = None) -> float | None:
        """Return what an answer costs; None where that is not known, or costs nothing."""
        if not self._account.paid:
            return None
        tokens = Tokens(
            reply.input_tokens, reply.output_tokens, reply.cache_write_tokens, reply.cache_read_tokens
        )
        prices = self._account.prices
        # A server may answer with a name that has a date, or one of its own. What a person states of either of the
        # two goes before what the list knows.
        models = sorted((reply.model, self._asked(prompt)), key=lambda model: prices.stated.of(model) is None)
        costs = (prices.cost(model, tokens, batch=self._batch) for model in models)
        return next((usd for usd in costs if usd is not None), None)

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

    def _asked(self, prompt: Request | None) -> str:
        return (prompt.model if prompt else None) or self._account.model
