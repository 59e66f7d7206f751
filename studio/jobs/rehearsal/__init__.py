"""Rehearsal: a long job that calls no model, to prove the machinery under the real ones."""
