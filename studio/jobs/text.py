"""Text that models, servers and files send, made writable."""

from __future__ import annotations


def without_surrogates(text: str) -> str:
    """Return the text with U+FFFD for lone surrogates, which no file and no model can take, and pairs joined."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
