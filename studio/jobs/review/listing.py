"""Reading what the reviewer sees: ids by filter, and the examples themselves."""

from __future__ import annotations

import asyncio

from store.database import Store
from store.live import AsyncStore
from store.models import Example
from studio.jobs.review.filters import Filter
from studio.jobs.review.live import LiveCatalog


async def list_ids(store: AsyncStore, live: LiveCatalog, wanted: Filter) -> list[str]:
    """Return the ids that pass a filter, in its order.

    What the store's own indexes answer is there at once; for the rest the catalogue is waited for.

    Raises:
        SearchError: the text is no regular expression, or takes too long.
    """
    if wanted.simple:
        return await store.run(lambda database: database.examples.ids(**wanted.equal))
    await live.ready.wait()
    return await asyncio.to_thread(live.catalog.ids, wanted)


def load(store: Store, ids: list[str]) -> dict[str, Example]:
    """Return the examples that still exist."""
    return {key: example for key in ids if (example := store.examples.get(key)) is not None}
