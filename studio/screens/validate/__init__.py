"""Validate: the scorecard."""
