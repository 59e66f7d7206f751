"""A preference pair out of an edit: what a person made of a reply is chosen, what the teacher wrote is rejected."""

from __future__ import annotations

from hashlib import sha256

from store.models import Example, PreferencePair, Provenance


def pair_of(example: Example) -> PreferencePair:
    """Return the pair of the first reply that an edit changed. The same edit gives the same id.

    Raises:
        ValueError: the example is not edited, or the edit changed what was asked, so that there is no common prompt.
    """
    original = example.original or example.messages
    for place, (old, new) in enumerate(zip(original, example.messages, strict=False)):
        if old == new:
            continue
        if old.role != "assistant" or new.role != "assistant":
            raise ValueError("the edit changes what was asked, so both replies do not answer the same")
        mark = sha256("\0".join((example.id, old.content, new.content)).encode("utf-8", "replace"))
        return PreferencePair(
            id=mark.hexdigest()[:32],
            prompt=example.messages[:place],
            chosen=new.content,
            rejected=old.content,
            provenance=Provenance(teacher="person", parent_id=example.id),
        )
    raise ValueError("no reply was edited: e edits it")
