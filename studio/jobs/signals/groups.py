"""Groups of examples that must share a split: near-duplicates of each other, and versions of one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from store.models import Example


def groups(examples: Sequence[Example], links: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the group of each example by its id.

    All that is linked, directly or over others, is one group: an example with its parent version, with the ids in
    `links`, and with those whose group it shares already. Of several groups that meet, the one that a run has
    used stays, so that no frozen split has to change; otherwise that of the oldest example. An example that a run
    has used keeps its group in any case.

    Args:
        examples: the oldest first.
        links: near-duplicates by id; ids that are not among the examples are left out.
    """
    leader = {example.id: example.id for example in examples}

    def find(key: str) -> str:
        while leader[key] != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    first_of: dict[str, str] = {}
    order = {example.id: place for place, example in enumerate(examples)}
    for example in examples:
        linked = [*links.get(example.id, ())]
        if example.provenance.parent_id:
            linked.append(example.provenance.parent_id)
        if example.group:
            linked.append(first_of.setdefault(example.group, example.id))
        for other in linked:
            if other in leader:
                low, high = sorted((find(example.id), find(other)), key=order.__getitem__)
                leader[high] = low

    names: dict[str, str] = {}
    for example in sorted(examples, key=lambda e: e.frozen_by is None):
        names.setdefault(find(example.id), example.group or example.id)
    return {
        example.id: example.group if example.frozen_by and example.group else names[find(example.id)]
        for example in examples
    }
