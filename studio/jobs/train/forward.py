"""A model's forward pass in training: logits only where a target is, a shared beginning only once."""

from __future__ import annotations

from typing import Any

from studio.jobs.train.batches import Batch
from studio.lm.mlx import Module, mx, nn


class Forward:
    """Wraps a model so that its head sees target positions only; the model itself can still be asked as before.

    The backbone's output is gathered before the model's own head, soft caps and scales run, so that this
    holds for tied and untied embeddings and for every family whose head works position by position.
    """

    def __init__(self, model: Module) -> None:
        """Wrap `model`, and prove both shortcuts on it: `gathers` and `shares_prefix` say which are used."""
        self.model = model
        self.gathers = False
        self.shares_prefix = False
        self._positions: mx.array | None = None
        self._backbone = _find_backbone(model)
        if self._backbone is not None:
            self._plain_class = type(self._backbone)
            self._backbone.__class__ = self._gathering(self._plain_class)
            self._prove()

    def logits(self, batch: Batch) -> mx.array:
        """Return the logits of the batch's targets, (targets, vocabulary), float32."""
        positions = mx.array(batch.positions)
        inputs = mx.array(batch.inputs)
        cache = self._read_prefix(batch) if len(batch.prefix) else None
        if not self.gathers:
            whole: mx.array = self.model(inputs)
            return whole.reshape(-1, whole.shape[-1])[positions].astype(mx.float32)
        self._positions = positions
        try:
            logits: mx.array = self.model(inputs, cache=cache) if cache else self.model(inputs)
        finally:
            self._positions = None
        return logits[0].astype(mx.float32)

    def _read_prefix(self, batch: Batch) -> list[PrefixCache]:
        cache = [PrefixCache() for _ in self.model.layers]
        self._plain_class.__call__(self._backbone, mx.array(batch.prefix)[None], cache=cache)
        return cache

    def _gathering(self, plain: type[Any]) -> type[Any]:
        forward = self

        class Gathering(plain):  # type: ignore[misc]  # a class made at run time
            def __call__(self, *arguments: Any, **named: Any) -> Any:
                hidden = super().__call__(*arguments, **named)
                if forward._positions is None:
                    return hidden
                return hidden.reshape(-1, hidden.shape[-1])[forward._positions][None]

        return Gathering

    def _prove(self) -> None:
        """Compare both shortcuts with the plain pass on a few tokens; use what agrees."""
        import numpy as np

        ids = np.arange(2, 14, dtype=np.int32).reshape(2, 6)
        ids[1, :3] = ids[0, :3]
        places = np.array([3, 4, 9, 10], dtype=np.int32)
        plain = self.model(mx.array(ids)).reshape(12, -1)[mx.array(places)].astype(mx.float32)
        nothing = np.zeros(0, dtype=np.int32)
        self.gathers = True
        self.gathers = self._agrees(Batch(nothing, ids, places, nothing, 0, 0), plain)
        if self.gathers and _has_plain_caches(self.model):
            shared = np.array([0, 1, 3, 4], dtype=np.int32)
            self.shares_prefix = self._agrees(Batch(ids[0, :3], ids[:, 3:], shared, nothing, 0, 0), plain)

    def _agrees(self, batch: Batch, plain: mx.array) -> bool:
        try:
            ours = self.logits(batch)
            if ours.shape != plain.shape:
                return False
            apart = mx.max(mx.abs(ours - plain)) / mx.maximum(mx.max(mx.abs(plain)), 1e-6)
            # Half-precision sums in another order differ by about 1 in 200.
            return float(apart) < 2e-2
        except (TypeError, ValueError, AttributeError, IndexError):
            return False


class PrefixCache:
    """Keys and values of a beginning that all rows share; takes the place of mlx-lm's KVCache in training.

    The first call stores the prefix's, (1, heads, shared, size); later ones put them before each row's own.
    """

    def __init__(self) -> None:
        self.offset = 0
        self._keys: mx.array | None = None
        self._values: mx.array | None = None

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Return the keys and values that the queries of this call see."""
        if self._keys is None or self._values is None:
            self._keys, self._values = keys, values
            self.offset = keys.shape[2]
            return keys, values
        return _after(self._keys, keys), _after(self._values, values)

    def make_mask(self, length: int, *, return_array: bool = False, window_size: int | None = None) -> Any:
        """Return the causal mask of `length` queries after the prefix, in mlx-lm's terms."""
        from mlx_lm.models.base import create_causal_mask

        if return_array or (window_size and self.offset + length > window_size):
            return create_causal_mask(length, offset=self.offset, window_size=window_size)
        return "causal" if length > 1 else None


def _after(prefix: mx.array, own: mx.array) -> mx.array:
    rows = mx.broadcast_to(prefix, (own.shape[0], *prefix.shape[1:]))
    return mx.concatenate([rows, own], axis=2)


def _find_backbone(model: Module) -> Any:
    """Return the module between the tokens and the head, by the names that mlx-lm's models use."""
    for path in ("model", "language_model.model", "transformer", "backbone"):
        found: Any = model
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, nn.Module) and hasattr(found, "layers"):
            return found
    return None


def _has_plain_caches(model: Module) -> bool:
    """Say whether every layer keeps all keys and values: no sliding windows, no recurrent states."""
    from mlx_lm.models.cache import KVCache, make_prompt_cache

    return all(type(cache) is KVCache for cache in make_prompt_cache(model))


@mx.custom_function
def _cross_entropy(logits: mx.array, labels: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    """Return each target's loss and, for the way back, exp(logits − highest) and its sums."""
    highest = mx.max(logits, axis=-1, keepdims=True)
    exponentials = mx.exp(logits - highest)
    sums = exponentials.sum(axis=-1, keepdims=True)
    chosen = mx.take_along_axis(logits, labels[:, None], axis=-1)
    return (mx.log(sums) + highest - chosen)[:, 0], exponentials, sums


@_cross_entropy.vjp
def _cross_entropy_vjp(primals: Any, cotangents: Any, outputs: Any) -> tuple[mx.array, mx.array]:
    """Use the exponentials again: computing them costs as much as the head's matrix product on a CPU."""
    (_, labels), (_, exponentials, sums) = primals, outputs
    scale = cotangents[0]
    gradient = exponentials * (scale[:, None] / sums)
    rows = mx.arange(labels.shape[0])
    return gradient.at[rows, labels].add(-scale), mx.zeros_like(labels)


def losses(logits: mx.array, labels: mx.array) -> mx.array:
    """Return the cross entropies, (targets,); logits are (targets, vocabulary), float32."""
    outputs: Any = _cross_entropy(logits, labels)
    each: mx.array = outputs[0]
    return each
