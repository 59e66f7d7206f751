"""Review: decisions on examples, by hand and by a named policy."""
