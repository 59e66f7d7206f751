"""Signals: what tested functions measure about an example, in the background."""
