"""What can be wrong with a model, in words for the person who chose it."""

from __future__ import annotations


class ModelError(LookupError):
    """A model that cannot be had: `what` happened and what `to_do` about it."""

    def __init__(self, what: str, *, to_do: str) -> None:
        super().__init__(f"{what} {to_do}")
        self.what = what
        self.to_do = to_do


class PackageMissingError(ModelError):
    """The package that carries the embedded model is not installed."""


class DamagedModelError(ModelError):
    """A file of the model is not what it should be."""


class NotAModelError(ModelError):
    """The folder or the name does not lead to a model that mlx-lm can load."""


class HubError(ModelError):
    """The model is not on this machine and could not be fetched from the Hub."""


class TooLongError(ValueError):
    """A conversation is longer than the model can read."""
