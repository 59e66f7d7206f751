"""Review: decisions on examples, by a person at the desk or by a named policy, each of which can be undone."""
