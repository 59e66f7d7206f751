"""Validate: suites of cases, replies of several subjects to each, and scores that can be opened and read."""
